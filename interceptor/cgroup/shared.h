// What the programs in the kernel and those that load them both know. C, for the one and the other.
#pragma once

#include "interceptor/bpf/shared.h"

#define OMNILINK_SO_ORIGINAL_DST 80  // netfilter's number, for IPv4 and IPv6
#define OMNILINK_PROCESS_NAME 16     // TASK_COMM_LEN

// What is known of a connection from its connect().
struct omnilink_origin {
  __u64 cookie;  // of the program's socket
  __u64 cgroup;  // id, of the program
  __u64 exe_device, exe_inode;  // as the kernel's file has them; 0: none
  __u32 address[4];  // where it wanted to go
  __u32 port;        // host order
  __u32 pid, uid, gid;
  char process[OMNILINK_PROCESS_NAME];  // of the group's leader
  __u32 sent;     // its SYN was: what is here belongs to an earlier connect() of the socket
  __u32 captured; // it comes to a listener; 0: only its port was changed
};

// The path of a program's file: its name and those of the directories up to the root, each with its null. Longer ones are left out.
#define OMNILINK_NAME_MAX 256
struct omnilink_exe_path {
  __u32 size;  // of what is used; 0: unknown
  char names[2 * OMNILINK_NAME_MAX];
};

// A connection on its way to a listener.
struct omnilink_path {
  __u32 address[4];      // of the program's socket
  __u32 port, listener;  // of that socket and of the listener, host order
};

// A connection that a borrowed listener has accepted.
struct omnilink_arrival {
  struct omnilink_origin origin;
  __u64 socket;  // cookie of the accepted one: tells uses of the same source apart
  __u64 since;   // CLOCK_MONOTONIC, nanoseconds
};

// From which addresses but 127.0.0.1 and ::1 arrivals come with one source port; zeros: free.
#define OMNILINK_UNUSUAL_MAX 4
struct omnilink_unusual {
  __u32 address[OMNILINK_UNUSUAL_MAX][4];
};

// What is told of an arrival, in the order of what happened.
struct omnilink_news {
  __u32 closed;  // it ended; else it began
  struct omnilink_source source;
  struct omnilink_arrival arrival;
};

struct omnilink_exe {
  __u64 device, inode;
};

// Which kinds of conditions a capture has.
enum omnilink_conditions {
  OMNILINK_PORTS = 1,
  OMNILINK_NETWORKS = 2,  // without: what is in `networks` are this machine's own, and not meant
  OMNILINK_UIDS = 4,
  OMNILINK_GIDS = 8,
  OMNILINK_EXES = 16,
  OMNILINK_PROCESSES = 32,
  OMNILINK_PIDS = 64,
  OMNILINK_REWRITES = 128,  // none, but what becomes of it
};

struct omnilink_capture {
  __u64 netns;       // cookie of the listener's; connections of others are left alone
  __u64 own_cgroup;  // id of the service's; 0: it is known by its process
  __u32 conditions;
  __u32 port_v4, port_v6;  // of the listener, host order; 0: it has no socket of that family
  __u32 deny;              // errno; 0: what is taken goes to the listener
  __u32 closed;            // nobody serves it: refused; else left alone
  __u32 borrowed;          // the listener is another program's and known by its port alone (arrivals.bpf.h)
  __u32 incoming;          // what others open to the programs is taken, too (incoming.bpf.h)
  __u32 source_v4;     // what a program is told as its own address, network order; 0: what is so
  __u32 source_v6[4];  // likewise
};
