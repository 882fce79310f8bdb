// Part of connect.bpf.c: the path of the connecting program's file, as /proc/PID/exe has it. The helper that writes paths is not for
// programs of this kind.

struct qstr {
  const unsigned char* name;
} OF_KERNEL;
struct dentry {
  struct dentry* d_parent;
  struct qstr d_name;
} OF_KERNEL;
struct vfsmount {
  struct dentry* mnt_root;
} OF_KERNEL;
struct mount {
  struct mount* mnt_parent;
  struct dentry* mnt_mountpoint;
  struct vfsmount mnt;
} OF_KERNEL;

// By the cookie of the program's socket. The oldest go when there are more between connect() and accept(); those are unknown then.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, __u64);
  __type(value, struct omnilink_exe_path);
} exe_paths SEC(".maps");

// Where it is put together, by the one thread that has the socket.
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct omnilink_exe_path);
} drafts SEC(".maps");

// Directories and mounts on the way up; more are no program's.
#define EXE_STEPS_MAX 40

struct climb {
  struct dentry* at;
  void* mounted;  // struct vfsmount, within its struct mount
  struct omnilink_exe_path* into;
  __u32 size;
};

enum { go_on, stop };

static long climb_one(__u32 index, struct climb* on) {
  struct dentry* at = on->at;
  struct vfsmount* mounted = on->mounted;
  struct dentry* parent = BPF_CORE_READ(at, d_parent);
  if (at == parent || at == BPF_CORE_READ(mounted, mnt_root)) {
    struct mount* mount = on->mounted - bpf_core_field_offset(struct mount, mnt);
    struct mount* below = BPF_CORE_READ(mount, mnt_parent);
    if (!below) return stop;
    if (below == mount) {
      on->into->size = on->size;
      return stop;
    }
    on->at = BPF_CORE_READ(mount, mnt_mountpoint);
    on->mounted = (void*)below + bpf_core_field_offset(struct mount, mnt);
    return go_on;
  }
  const __u32 size = on->size;
  if (size >= OMNILINK_NAME_MAX) return stop;
  const long taken = bpf_probe_read_kernel_str(on->into->names + size, OMNILINK_NAME_MAX, BPF_CORE_READ(at, d_name.name));
  if (taken <= 0) return stop;
  on->size = size + taken;
  on->at = parent;
  return go_on;
}

static __always_inline void remember_exe_path(struct bpf_sock* socket, struct task_struct* task, __u64 cookie) {
  struct omnilink_exe_path* draft = bpf_sk_storage_get(&drafts, socket, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (!draft) return;
  struct file* file = BPF_CORE_READ(task, mm, exe_file);
  struct climb on = {BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt), draft, 0};
  if (file && on.at && on.mounted) bpf_loop(EXE_STEPS_MAX, climb_one, &on, 0);
  if (draft->size) bpf_map_update_elem(&exe_paths, &cookie, draft, BPF_ANY);
  bpf_sk_storage_delete(&drafts, socket);
}
