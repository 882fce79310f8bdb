/* libomnilink: intercept the TCP connections of a program, and ask where each of them wanted to go.
 *
 * Every function may be called from any thread, in any order, and never ends the process, blocks for long, writes to the standard
 * streams or installs a signal handler. What a function keeps in the kernel (eBPF programs on a control group) goes with the process,
 * however that ends. Linux 6.1 or newer; interception needs root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, looking up does not.
 *
 * Link with `pkg-config --cflags --libs omnilink`.
 */
#ifndef OMNILINK_H
#define OMNILINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* -- The five calls of a redirector ------------------------------------------------------------------------------------------ */

/* 1: done, 0: failed; omnilink_last_error(NULL, …) says why. One redirector per process. */

typedef struct {
  char *host;    /* an address; NULL: nothing is known, and then nothing else counts */
  uint32_t port;
  char *version; /* "4" or "6" */
} WinDest;

/* From its return on, what client_pid and its descendants open goes to 127.0.0.1:proxy_port (where something listens on [::1] too,
 * IPv6 goes there), loopback destinations included. What agent_pid opens is left alone, and so is what the client connects to
 * proxy_port itself. The programs are attached to client_pid's control group, be it the root, and apply to client_pid only.
 * A process whose parents have ended is no descendant any more.
 *
 * incoming_proxy, not 0: what others, on this machine too, open to ports that these processes listen on, now or later, goes to agent_pid's
 * listener on this port, which must listen already (on 127.0.0.1 or any address). The accepted socket has the client's port as its own
 * address (getsockname), and get_destination() tells it, too. What agent_pid itself opens to such a port reaches the client.
 *
 * Again with the same arguments: nothing happens. With others: as after stop_redirector(). */
uint32_t start_redirector(uint32_t client_pid, uint32_t agent_pid, uint32_t proxy_port, uint32_t incoming_proxy);

/* From its return on, connections go their own way; those that were taken are the agent's as before. */
uint32_t stop_redirector(void);

/* Where the connection wanted to go whose source port, as the accepting socket sees it, is this; from the time that accept() returns
 * it until that socket is closed, or reset by the client. A port above 65535, one that several connections come from (from different
 * addresses), and one that nobody was sent from are misses. Where the redirector knows nothing, a running service is asked. */
WinDest get_destination(uint32_t src_port);

/* Forgets it. 0: there was nothing. */
uint32_t delete_destination(uint32_t src_port);

/* Of what get_destination() returned, or zeros. */
void free_windest(WinDest dest);

/* -- The same by handle, and more -------------------------------------------------------------------------------------------- */

/* Every structure begins with its size, to be set to sizeof before the call: a program goes on working with a newer library, and with
 * an older one as long as it sets nothing that that one does not know. */

enum omnilink_code {
  OMNILINK_OK = 0,
  OMNILINK_E_TIMED_OUT = 1,
  OMNILINK_E_REFUSED = 2,
  OMNILINK_E_UNREACHABLE = 3,
  OMNILINK_E_RESET = 4,
  OMNILINK_E_CLOSED_EARLY = 5,
  OMNILINK_E_NAME_NOT_FOUND = 6,
  OMNILINK_E_RESOLVE_FAILED = 7,
  OMNILINK_E_IO_FAILED = 8,
  OMNILINK_E_BAD_VERSION = 9,
  OMNILINK_E_BAD_MESSAGE = 10,
  OMNILINK_E_AUTH_FAILED = 16,
  OMNILINK_E_HOP_REFUSED = 17,
  OMNILINK_E_TLS_FAILED = 18,
  OMNILINK_E_REJECTED = 23,       /* by a rule, or a callout */
  OMNILINK_E_RULES_CHANGED = 24,
  OMNILINK_E_NOT_REDIRECTED = 25, /* nobody was sent to this socket: it was connected to directly */
  OMNILINK_E_LIMIT_REACHED = 27,
  OMNILINK_E_CANCELED = 28,
  OMNILINK_E_SHUTTING_DOWN = 29,
  OMNILINK_E_UNSUPPORTED = 30,
  OMNILINK_E_NOT_FOUND = 31, /* no such connection, or none that the asker may see */
  OMNILINK_E_PERMISSION_DENIED = 32,
  OMNILINK_E_INTERNAL = 33,
  OMNILINK_E_ARGUMENT = 100, /* NULL, a port above 65535, a process that is not there, … */
  OMNILINK_E_SIZE = 101,     /* a structure's size is of no version, or asks for what this library does not know */
  OMNILINK_E_AMBIGUOUS = 102 /* several connections match; ask with more */
};

/* Words and lines for people, of any code; never NULL. */
const char *omnilink_code_name(int code);
const char *omnilink_code_text(int code);

/* "0.1.0" */
const char *omnilink_version(void);

typedef struct omnilink_handle omnilink_handle;

/* The last failure of this handle, of NULL that of the calls without one: cause and remedy in one line, written to `text` with its
 * final zero, cut to `size`. Returns its whole length; 0: none. Not per thread: a goroutine may have moved. */
size_t omnilink_last_error(const omnilink_handle *handle, char *text, size_t size);

/* Why this process cannot intercept here, likewise; 0: it can. */
size_t omnilink_unavailable_reason(char *text, size_t size);

struct omnilink_options {
  uint32_t size;
  uint32_t reserved;        /* 0 */
  const char *query_socket; /* of a running service; NULL: where one has it. "" : none is asked */
};

/* `options` may be NULL. */
int omnilink_open(const struct omnilink_options *options, omnilink_handle **out);
/* Whatever it intercepts goes its own way again. NULL does nothing. Nobody may use it meanwhile. */
void omnilink_close(omnilink_handle *handle);

struct omnilink_redirect_options {
  uint32_t size;
  uint32_t port;       /* of the listener on 127.0.0.1 */
  uint32_t agent_pid;  /* whose it is, and whose connections are left alone; 0: this process */
  uint32_t incoming;   /* as incoming_proxy of start_redirector(), for the pids of `capture`; 0: none */
  const char *capture; /* what is taken, as in a `cgroup://` listener: "pid=4711&port=80,443", also cidr, uid, gid, exe, process,
                          cgroup. Without cidr: all but this machine's own addresses */
};

/* One per handle; a second call replaces the first one's. */
int omnilink_redirect(omnilink_handle *handle, const struct omnilink_redirect_options *options);
int omnilink_redirect_stop(omnilink_handle *handle);

enum omnilink_status { OMNILINK_MISS = 0, OMNILINK_LIVE = 1, OMNILINK_CLOSED = 2, OMNILINK_AMBIGUOUS = 3 };

#define OMNILINK_UNKNOWN_ID 0xffffffffu

struct omnilink_destination {
  uint32_t size;
  uint32_t status;                   /* enum omnilink_status */
  uint32_t matches;                  /* how many connections */
  uint32_t port;                     /* where it wanted to go */
  char host[256];                    /* likewise: a name, or an address */
  struct sockaddr_storage original;  /* likewise; AF_UNSPEC where it is a name */
  struct sockaddr_storage source;    /* as the accepted socket sees its peer */
  uint64_t generation;               /* tells uses of the same source apart */
  uint64_t connection;               /* the service's number of it; 0: it does not carry it */
  uint64_t age_ms;                   /* since it was accepted */
  uint64_t closed_ms;                /* since it ended */
  uint32_t pid;                      /* of the program; 0: unknown */
  uint32_t uid, gid;                 /* OMNILINK_UNKNOWN_ID: unknown */
  uint32_t reserved;
  char process[16];                  /* its short name; empty: unknown, like the next */
  char exe[256];
  char cgroup[256];
  char chain[64];                    /* what carries it */
};

/* OMNILINK_OK: `out` has it. Nothing known: OMNILINK_E_NOT_FOUND or OMNILINK_E_AMBIGUOUS, and `out` says so too. */
int omnilink_lookup_port(omnilink_handle *handle, uint32_t source_port, struct omnilink_destination *out);
/* `local`: the accepted socket's own address; NULL: any. */
int omnilink_lookup_flow(omnilink_handle *handle, const struct sockaddr *source, socklen_t source_size, const struct sockaddr *local,
                         socklen_t local_size, struct omnilink_destination *out);
/* By the accepted socket itself: never ambiguous, and right for as long as it is open. It stays the caller's. */
int omnilink_lookup_fd(omnilink_handle *handle, int accepted, struct omnilink_destination *out);
/* Forgets what comes from that port. */
int omnilink_forget(omnilink_handle *handle, uint32_t source_port);

enum omnilink_event { OMNILINK_OPENED = 1, OMNILINK_ENDED = 2 };

typedef void (*omnilink_flow_callback)(void *user, uint32_t event, const struct omnilink_destination *flow);

/* Flows of omnilink_redirect() that begin and end are told by omnilink_dispatch(), in the thread that calls it. NULL: to nobody. */
int omnilink_on_flow(omnilink_handle *handle, omnilink_flow_callback callback, void *user);
/* Readable (poll, epoll) when omnilink_dispatch() has something to tell; -1: nothing is redirected, and no service has callouts. The
 * handle's; changes with omnilink_redirect() and omnilink_service_start(). */
int omnilink_events_fd(omnilink_handle *handle);
/* Waits at most `timeout_ms` (0 to 60000) for something, and tells it: flows, questions to callouts, verdicts. One thread tells at a time;
 * a callback may call whatever it likes but omnilink_close(). OMNILINK_E_SHUTTING_DOWN: the private service has ended, and everything of it
 * is told. OMNILINK_E_ARGUMENT: what a callout has answered was no answer, and counts as none (all else is told); or there is nothing to
 * wait for. Who does not call it loses nothing but the events; callouts then are as `unanswered` of the configuration says. */
int omnilink_dispatch(omnilink_handle *handle, uint32_t timeout_ms);

struct omnilink_service_options {
  uint32_t size;
  uint32_t timeout_ms;     /* until it must listen; 0: 10000 */
  const char *config;      /* the text of a configuration file (TOML) */
  const char *program;     /* NULL: omnilink, looked for in PATH */
};

/* Starts a private `omnilink run` of this configuration, in place of the handle's earlier one, and returns when it listens. It ends with
 * omnilink_service_stop(), with the handle, and with this process however that ends. What is wrong with the configuration is
 * omnilink_last_error(). */
int omnilink_service_start(omnilink_handle *handle, const struct omnilink_service_options *options);
int omnilink_service_stop(omnilink_handle *handle);
/* Where its listener `index`, counted from 0, listens: "127.0.0.1:40312", written as omnilink_last_error() does. 0: there is none. */
size_t omnilink_service_address(omnilink_handle *handle, uint32_t index, char *text, size_t size);

/* -- Callouts: code of this program decides about the connections of its private service -------------------------------------- */

/* The configuration names them, and rules or filters ask them of the connections that they match:
 *
 *   [[callout]]
 *   name = "judge"
 *   kind = "library"
 *   timeout = "5s"              # how long a connection waits
 *   unanswered = "reject"       # or "block", "continue": what counts without an answer in time
 *   [[rule]]
 *   action = "callout:judge"    # [[filter]] likewise, at the layers accept_v4, connect_redirect_v4, connect_auth_v4 and _v6
 *   [[rule]]
 *   action = "direct"
 *
 * The connection waits meanwhile, and nothing else does: others are carried on. */

enum omnilink_layer { OMNILINK_ACCEPT = 1, OMNILINK_CONNECT_REDIRECT = 2, OMNILINK_CONNECT_AUTH = 3 };

struct omnilink_question {
  uint32_t size;
  uint32_t layer;                      /* enum omnilink_layer */
  uint64_t token;                      /* for omnilink_callout_complete() */
  uint64_t connection;                 /* the service's number of it */
  uint32_t timeout_ms;                 /* an answer later than this is none */
  uint32_t port;                       /* where it wants to go by now; 0: not known yet, as mostly at OMNILINK_ACCEPT */
  char host[256];                      /* likewise: a name, or an address */
  struct sockaddr_storage destination; /* likewise; AF_UNSPEC where it is a name */
  struct sockaddr_storage source;
  struct sockaddr_storage local;       /* of the accepted socket */
  uint32_t pid;                        /* of the program; 0: unknown. Found out where a rule asks, or [service] attribution = true */
  uint32_t uid, gid;                   /* OMNILINK_UNKNOWN_ID: unknown */
  uint32_t reserved;
  char process[16];                    /* its short name; empty: unknown, like the next two */
  char exe[256];
  char cgroup[256];
  char listener[256];                  /* its URL */
  char filter[256];                    /* the rule, or filter, that asks */
  char callout[64];
};

enum omnilink_action {
  OMNILINK_NO_ANSWER = 0, /* as `unanswered` says, at once */
  OMNILINK_CONTINUE = 1,  /* no opinion: the next rule decides */
  OMNILINK_PERMIT = 2,
  OMNILINK_BLOCK = 3,     /* without an answer to the client: it waits until it gives up */
  OMNILINK_REJECT = 4,
  OMNILINK_TO = 5,        /* at OMNILINK_CONNECT_REDIRECT: permit, to `host` and `port` */
  OMNILINK_DIRECT = 6,    /* at OMNILINK_CONNECT_AUTH: permit, without a chain */
  OMNILINK_CHAIN = 7,     /* likewise: permit, through `chain` */
  OMNILINK_PEND = 8       /* the answer comes with omnilink_callout_complete() */
};

struct omnilink_answer {
  uint32_t size;
  uint32_t action; /* enum omnilink_action */
  uint32_t port;   /* 0: as it is */
  uint32_t reserved; /* 0 */
  char host[256];  /* a name, or an address; empty: as it is */
  char chain[64];
};

/* Writes its answer into `answer`, which is OMNILINK_NO_ANSWER before: single members, and none beyond answer->size, which is that of the
 * library in use. Called by omnilink_dispatch(), in the thread that calls it. What is
 * no answer there (a port above 65535, OMNILINK_TO at another layer) counts as none. */
typedef void (*omnilink_callout_callback)(void *user, const struct omnilink_question *question, struct omnilink_answer *answer);

/* For services that omnilink_service_start() starts from now on. A name of 1 to 63 bytes; at most 32 of them. The same name again: another
 * callback takes its place, or none with NULL, for the running service too; the one before is not called any more, and not running either
 * when this returns (unless it is called from there). */
int omnilink_callout_add(omnilink_handle *handle, const char *name, omnilink_callout_callback callback, void *user);
/* The answer to a question whose callback has said OMNILINK_PEND; from any thread. OMNILINK_E_NOT_FOUND: there is no such question, or its
 * time is over. OMNILINK_E_ARGUMENT: that is no answer; the question still waits. */
int omnilink_callout_complete(omnilink_handle *handle, uint64_t token, const struct omnilink_answer *answer);

enum omnilink_step {
  OMNILINK_STEP_NONE = 0,
  OMNILINK_STEP_ACCEPT = 1,
  OMNILINK_STEP_RESOLVE = 2,
  OMNILINK_STEP_CONNECT = 3,
  OMNILINK_STEP_TLS = 4,
  OMNILINK_STEP_AUTH = 5,
  OMNILINK_STEP_REQUEST = 6,
  OMNILINK_STEP_RELAY = 7
};

/* How a connection of the private service ended. */
struct omnilink_verdict {
  uint32_t size;
  uint32_t code;                    /* enum omnilink_code, and others that omnilink_code_name() knows; OMNILINK_OK: in order */
  uint64_t connection;              /* as in its questions */
  uint64_t bytes_up, bytes_down;    /* from the client, to it */
  uint64_t duration_ms;
  uint32_t step;                    /* enum omnilink_step: where it failed */
  int32_t hop;                      /* whose doing it was, counted from 0; -1: no hop's */
  uint32_t system_errno;            /* 0: none */
  uint32_t reply;                   /* a hop's SOCKS reply or HTTP status; 0: none */
  uint32_t lost;                    /* verdicts before this one that were left out, since nobody had read */
  uint32_t port;                    /* where it wanted to go; 0: it never said */
  char host[256];
  struct sockaddr_storage original; /* AF_UNSPEC where it is a name */
  struct sockaddr_storage source;
  char chain[64];
  char rule[256];                   /* those that decided */
  char hop_name[256];
  char text[512];                   /* all of it in one line for people */
};

typedef void (*omnilink_verdict_callback)(void *user, const struct omnilink_verdict *verdict);

/* Of services that omnilink_service_start() starts from now on, by omnilink_dispatch(). NULL: to nobody. */
int omnilink_on_verdict(omnilink_handle *handle, omnilink_verdict_callback callback, void *user);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
