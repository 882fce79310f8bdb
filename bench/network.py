"""A network namespace of the bench's own: loopback with one public-looking address for the target, nothing else."""

import contextlib
import ctypes
import os
import pwd
import socket
import struct
import subprocess
import time

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
TARGET = "203.0.113.10"
# Whoever is intercepted has an address of its own: the candidate connects to the same target, and after a tproxy listener each has a
# socket of these two addresses, of which one must not take the other's port while that is still closing.
CLIENT = "203.0.113.11"
READY_SECONDS = 20
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, TCP_LISTEN = 4, 20, 10
NLMSGHDR, NLM_F_REQUEST, NLM_F_DUMP = 16, 1, 0x300
HOP_NAME = "hop.test"  # in the certificate of a hop with TLS
UNPRIVILEGED = 65534  # whose connections are redirected; the hop's and the candidate's own are not

# Thousands of connections a second between few addresses: ports and conntrack entries come back soon.
SETTINGS = {
    "net/ipv4/ip_local_port_range": "5000 65000",
    "net/ipv4/tcp_tw_reuse": "1",
    "net/core/somaxconn": "4096",
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
# What this machine's own programs send comes by prerouting once its mark has led it to lo as if it came from outside.
TPROXY = """table ip bench {{
  chain output {{
    type route hook output priority mangle; policy accept;
    ip daddr {target} meta skuid {uid} meta l4proto tcp meta mark set {mark}
  }}
  chain prerouting {{
    type filter hook prerouting priority mangle; policy accept;
    iif lo meta mark {mark} meta l4proto tcp tproxy to 127.0.0.1:{port} accept
  }}
}}
"""
MARK = 1
TPROXY_ROUTES = (["rule", "{}", "fwmark", str(MARK), "lookup", "100"], ["route", "{}", "local", "default", "dev", "lo", "table", "100"])

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


def user_name():
    return pwd.getpwuid(os.getuid()).pw_name


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


@contextlib.contextmanager
def ruled_by(rules, port):
    nft("-f", "-", rules=rules.format(target=TARGET, uid=UNPRIVILEGED, port=port, mark=MARK))
    try:
        yield
    finally:
        nft("delete", "table", "ip", "bench")


def redirect_to(port):
    return ruled_by(REDIRECT, port)


@contextlib.contextmanager
def tproxy_to(port):
    def ip(verb):
        for words in TPROXY_ROUTES:
            subprocess.run(["ip", *(word.format(verb) for word in words)], check=True)

    ip("add")
    try:
        with ruled_by(TPROXY, port):
            yield
    finally:
        ip("del")


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
        time.sleep(0.001)


def listens(port):
    """Asks the kernel for its listening sockets alone (sock_diag(7)): /proc/net/tcp also has all that are closing."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG) as asked:
        request = struct.pack("=BBBxI48x", socket.AF_INET, socket.IPPROTO_TCP, 0, 1 << TCP_LISTEN)
        asked.sendto(struct.pack("=IHHII", NLMSGHDR + len(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0) + request, (0, 0))
        found = False
        while True:
            answer = asked.recv(1 << 16)
            while answer:
                size, kind = struct.unpack_from("=IH", answer)
                if kind != SOCK_DIAG_BY_FAMILY:
                    return found
                found |= struct.unpack_from("!H", answer, NLMSGHDR + 4)[0] == port
                answer = answer[(size + 3) & ~3:]
