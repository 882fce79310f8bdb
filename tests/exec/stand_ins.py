"""Runs a command where nscd, systemd-resolved, machined, avahi and the system bus seem to run, and ssh has files of its
distribution:

    stand_ins.py RESULT UID now|later COMMAND…

They run now, or not before the command connects to RESTART, which removes their directories and makes new ones; it
ends the connection when that is done. All in a mount namespace of its own. Writes into RESULT how many connections each
stand-in saw; needs root.
"""

import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
import threading

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE, MS_BIND = 16384, 1 << 18, 4096
SOCKETS = ("/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve", "/run/systemd/machine/io.systemd.Machine",
           "/run/avahi-daemon/socket", "/run/dbus/system_bus_socket")
RESTART = "/mnt/restart"
NSSWITCH = "passwd: files\nhosts: mymachines resolve [!UNAVAIL=return] files mdns4_minimal [NOTFOUND=return] dns\n"

seen = {path: 0 for path in SOCKETS}


def mount(source, target, kind, flags, options=None):
    libc = ctypes.CDLL(None, use_errno=True)
    encoded = [x and x.encode() for x in (source, target, kind, options)]
    if libc.mount(*encoded[:3], flags, encoded[3]) != 0:
        raise OSError(ctypes.get_errno(), f"mount {target}")


def write(path, text):
    with open(path, "w") as out:
        out.write(text)


def listen(path, on_connection):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen()

    def accept():
        while True:
            caller = listener.accept()[0]
            on_connection()
            caller.close()

    threading.Thread(target=accept, daemon=True).start()


def serve(path):
    def count():
        seen[path] += 1

    listen(path, count)


def serve_all():
    for path in SOCKETS:
        serve(path)
    write("/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n")


def restart():
    for path in SOCKETS:
        shutil.rmtree(os.path.dirname(path), ignore_errors=True)
    serve_all()


def prepare(now):
    assert ctypes.CDLL(None).unshare(CLONE_NEWNS) == 0
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("run", "/run", "tmpfs", 0, "mode=755")
    mount("covers", "/mnt", "tmpfs", 0, "mode=755")
    if now:
        serve_all()
    listen(RESTART, restart)
    os.makedirs("/run/other/below")
    mount("other", "/run/other/below", "tmpfs", 0)  # an ordinary user's sandbox must take it along
    write("/run/other/below/file", "of the host\n")
    write("/run/file", "and this\n")
    os.symlink("other/below/file", "/run/link")
    write("/mnt/resolv.conf", "nameserver 192.0.2.53\n")
    write("/mnt/nsswitch.conf", NSSWITCH)
    for name in "resolv.conf", "nsswitch.conf":
        mount(f"/mnt/{name}", f"/etc/{name}", None, MS_BIND)
    if os.path.isdir("/etc/ssh/ssh_config.d"):
        mount("ssh", "/etc/ssh/ssh_config.d", "tmpfs", 0, "mode=755")
        write("/etc/ssh/ssh_config.d/20-distribution.conf", "Host distribution\n  User somebody\n")
        write("/mnt/linked.conf", "Host linked\n  User somebody-else\n")
        os.symlink("/mnt/linked.conf", "/etc/ssh/ssh_config.d/30-linked.conf")
        write("/etc/ssh/ssh_config.d/40-private.conf", "")
        os.chmod("/etc/ssh/ssh_config.d/40-private.conf", 0o600)


def main():
    result, uid, when, *command = sys.argv[1:]
    prepare(when == "now")
    identity = {} if uid == "0" else {"user": int(uid), "group": int(uid), "extra_groups": []}
    code = subprocess.call(command, **identity)
    for path in SOCKETS:  # connections are taken in order: after ours, all earlier ones are counted
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(path)
            last.recv(1)
        seen[path] -= 1
    write(result, json.dumps(seen))
    sys.exit(code)


main()
