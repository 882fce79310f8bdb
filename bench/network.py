"""A network namespace of the bench's own: loopback with one public-looking address for the target, nothing else."""

import contextlib
import ctypes
import os
import socket
import subprocess
import time

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
TARGET = "203.0.113.10"
# Whoever is intercepted has an address of its own: the candidate connects to the same target, and after a tproxy listener each has a
# socket of these two addresses, of which one must not take the other's port while that is still closing.
CLIENT = "203.0.113.11"
READY_SECONDS = 20
LISTEN = "0A"  # in /proc/net/tcp
UNPRIVILEGED = 65534  # whose connections are redirected; the hop's and the candidate's own are not

# Thousands of connections a second between few addresses: ports and conntrack entries come back soon.
SETTINGS = {
    "net/ipv4/ip_local_port_range": "10000 65000",
    "net/ipv4/tcp_tw_reuse": "1",
}
CONNTRACK = {
    "net/netfilter/nf_conntrack_tcp_timeout_time_wait": "1",
    "net/netfilter/nf_conntrack_tcp_timeout_close": "1",
}
REDIRECT = """table ip bench {{
  chain output {{
    type nat hook output priority -100; policy accept;
    ip daddr {target} meta skuid {uid} meta l4proto tcp redirect to :{port}
  }}
}}
"""

libc = ctypes.CDLL(None, use_errno=True)


class unavailable(Exception):
    """This machine, or this user, cannot have it; the text is one line with the remedy."""


def enter():
    """Moves this process, which has no threads yet, into the namespace; it goes with the last process in it."""
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWNET | (CLONE_NEWUSER if uid != 0 else 0)
    if libc.unshare(flags) != 0:
        raise unavailable(f"no namespace of its own ({os.strerror(ctypes.get_errno())}): run it as root, or allow user namespaces")
    if uid != 0:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"0 {uid} 1")
        write("/proc/self/gid_map", f"0 {gid} 1")
    for command in (["link", "set", "lo", "up"], ["addr", "add", f"{TARGET}/32", "dev", "lo"],
                    ["addr", "add", f"{CLIENT}/32", "dev", "lo"]):
        subprocess.run(["ip", *command], check=True)
    for key, value in {**SETTINGS, **CONNTRACK}.items():
        if os.path.exists(f"/proc/sys/{key}"):  # conntrack may not be loaded
            write(f"/proc/sys/{key}", value)


def hierarchy():
    """Where the version 2 cgroups are; empty: nowhere."""
    with open("/proc/self/mounts") as mounts:
        return next((line.split()[1] for line in mounts if line.split()[2] == "cgroup2"), "")


@contextlib.contextmanager
def own_cgroup():
    """This process, and what it starts meanwhile, in a cgroup of its own; gives its path below the root."""
    with open("/proc/self/cgroup") as lines:
        home = hierarchy() + next(line[3:].strip() for line in lines if line.startswith("0::"))
    path = f"/omnilink-bench-{os.getpid()}"
    os.mkdir(hierarchy() + path)
    write(f"{hierarchy()}{path}/cgroup.procs", str(os.getpid()))
    try:
        yield path
    finally:
        write(f"{home}/cgroup.procs", str(os.getpid()))
        leave_by = time.monotonic() + READY_SECONDS
        while time.monotonic() < leave_by:
            with contextlib.suppress(OSError):
                return os.rmdir(hierarchy() + path)
            time.sleep(0.01)


def can_redirect():
    """Why not; empty: it can."""
    with open("/proc/self/uid_map") as lines:
        return "" if int(lines.readline().split()[2]) > UNPRIVILEGED else "redirected connections need root"


def write(path, text):
    with open(path, "w") as out:
        out.write(text)


def nft(*words, rules=None):
    subprocess.run(["nft", *words], input=rules, text=True, check=True, timeout=20)


def redirect_to(port):
    nft("-f", "-", rules=REDIRECT.format(target=TARGET, uid=UNPRIVILEGED, port=port))


def stop_redirecting():
    nft("delete", "table", "ip", "bench")


def free_port():
    # Nobody else lives here, so a port that was free a moment ago still is.
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_until_listens(port, alive):
    # A connection to find out would be one to carry: some candidates would connect it to themselves, again and again.
    deadline = time.monotonic() + READY_SECONDS
    while not listens(port):
        if not alive() or time.monotonic() > deadline:
            raise RuntimeError(f"nobody listens on port {port}")
        time.sleep(0.01)


def listens(port):
    with open("/proc/net/tcp") as lines:
        next(lines)
        sockets = [line.split() for line in lines]
    return any(words[1].endswith(f":{port:04X}") and words[3] == LISTEN for words in sockets)
