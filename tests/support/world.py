"""A small internet of the tests' own. enter() moves this process into namespaces that end with it:

    near (this process, omnilink, its clients)          far (hops and origins)
      near0 198.51.100.1  ----------- veth -----------  far0 198.51.100.2
            2001:db8:1::1                                    2001:db8:1::2
      default route over far0                          lo   203.0.113.10, 2001:db8:f::10   ORIGIN
                                                       lo   203.0.113.11, 2001:db8:f::11   origin without open ports

Names come from a hosts file of its own on each side. What omnilink lets slip would travel over the same cable to the same origins,
where the capture sees it. Needs root, or leave to make user namespaces (then only the caller's own uid exists inside).
"""

import ctypes
import os
import socket
import subprocess
import tempfile
import threading
import unittest

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_REC, MS_PRIVATE, MS_BIND = 16384, 1 << 18, 4096

NEAR4, FAR4, ORIGIN4, CLOSED4 = "198.51.100.1", "198.51.100.2", "203.0.113.10", "203.0.113.11"
NEAR6, FAR6, ORIGIN6, CLOSED6 = "2001:db8:1::1", "2001:db8:1::2", "2001:db8:f::10", "2001:db8:f::11"

NEAR_HOSTS = f"""127.0.0.1 localhost
::1 localhost
{FAR4} hop.test
{ORIGIN4} origin4.test
{ORIGIN6} origin6.test
"""
# Only the far side knows this name: whoever gets there by it did not look it up here.
FAR_HOSTS = f"""{NEAR_HOSTS}{ORIGIN4} origin.test
{ORIGIN6} origin.test
"""

libc = ctypes.CDLL(None, use_errno=True)
NOBODY = 65534
_far = None


def written(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_root():
    """Whether there are other users to become."""
    with open("/proc/self/uid_map") as lines:
        return os.getuid() == 0 and int(lines.readline().split()[2]) > NOBODY


def in_ci():
    return os.environ.get("CI") == "true"


def cannot(why):
    """What the machine lacks is a failure in CI; elsewhere the test is skipped."""
    if in_ci():
        raise AssertionError(f"{why} (CI must have it)")
    raise unittest.SkipTest(why)


def check(result, what):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def write(path, text):
    with open(path, "w") as out:
        out.write(text)


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def enter():
    """Call it once, before there is any thread; a file of tests calls it in its setUpModule."""
    global _far
    if _far is not None:
        return
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWNS | CLONE_NEWNET | (CLONE_NEWUSER if uid != 0 else 0)
    try:
        check(libc.unshare(flags), "unshare")
    except OSError as error:
        cannot(f"the tests' own namespaces need root or user namespaces: {error}")
    if uid != 0:
        # As uid 0 of our own namespace `ip` keeps its capabilities.
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"0 {uid} 1")
        write("/proc/self/gid_map", f"0 {gid} 1")
    check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount --make-rprivate /")
    check(libc.mount(b"tmpfs", b"/run", b"tmpfs", 0, b"mode=755"), "mount /run")
    os.makedirs("/run/sshd", mode=0o755)
    over("/etc/hosts", NEAR_HOSTS)
    over("/etc/resolv.conf", f"nameserver {FAR4}\noptions timeout:1 attempts:1\n")
    # Programs such as ssh want to know who they are run by.
    with open("/etc/passwd") as users:
        known = users.read()
    if ":1000:" not in known:
        over("/etc/passwd", known + "ordinary:x:1000:1000::/tmp:/bin/sh\n")
    if os.path.exists("/etc/nsswitch.conf"):
        over("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")

    write("/run/far-hosts", FAR_HOSTS)
    # Its own /run, so that what is in ours (a name service, say) is not asked by the hops.
    holder = ("mount --bind /run/far-hosts /etc/hosts && mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && "
              "echo ready && exec sleep infinity")
    _far = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", holder], stdout=subprocess.PIPE,
                            preexec_fn=die_with_parent)
    if _far.stdout.readline() != b"ready\n":
        raise AssertionError("the far side could not be made")
    ip("link", "set", "lo", "up")
    ip("link", "add", "near0", "type", "veth", "peer", "name", "far0", "netns", str(_far.pid))
    for name, four, six in (("near0", NEAR4, NEAR6), ("far0", FAR4, FAR6)):
        run = near_ip if name == "near0" else far_ip
        run("link", "set", name, "up")
        run("addr", "add", f"{four}/24", "dev", name)
        run("addr", "add", f"{six}/64", "dev", name, "nodad")
    far_ip("link", "set", "lo", "up")
    for address in (f"{ORIGIN4}/32", f"{CLOSED4}/32", f"{ORIGIN6}/128", f"{CLOSED6}/128"):
        far_ip("addr", "add", address, "dev", "lo")
    near_ip("route", "add", "default", "via", FAR4)
    near_ip("-6", "route", "add", "default", "via", FAR6)


def over(path, text):
    """Puts a file with this text over path, for this mount namespace."""
    handle, name = tempfile.mkstemp(dir="/run")
    os.write(handle, text.encode())
    os.fchmod(handle, 0o644)
    os.close(handle)
    check(libc.mount(name.encode(), os.path.realpath(path).encode(), None, MS_BIND, None), f"mount over {path}")


def near_ip(*words):
    ip(*words)


def far_ip(*words):
    subprocess.run(in_far(["ip", *words]), check=True, capture_output=True)


def in_far(command):
    """The command line that runs `command` among the hops and origins."""
    return ["nsenter", f"--target={_far.pid}", "--net", "--mount", *command]


def die_with_parent():
    PR_SET_PDEATHSIG, SIGKILL = 1, 9
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)


def far_call(function):
    """Calls it in a thread that is in the far namespace; sockets made there stay there."""
    return call_in(_far.pid, function)


def call_in(pid, function):
    """Calls it in a thread that is in this process's network namespace."""
    result = []

    def body():
        with open(f"/proc/{pid}/ns/net") as namespace:
            check(libc.setns(namespace.fileno(), CLONE_NEWNET), "setns")
        try:
            result.append((function(), None))
        except BaseException as error:  # carried to the caller
            result.append((None, error))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    value, error = result[0]
    if error:
        raise error
    return value


def far_listener(address="", port=0):
    """A TCP socket that listens in the far namespace, on every address unless one is given."""

    def make():
        family = socket.AF_INET if "." in address else socket.AF_INET6
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address == "":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((address, port))
        listener.listen(128)
        return listener

    return far_call(make)


def free_far_port():
    # Nobody else lives in this namespace, so a port that was free a moment ago still is.
    with far_listener() as listener:
        return listener.getsockname()[1]
