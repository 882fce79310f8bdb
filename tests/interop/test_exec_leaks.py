"""Nothing that a program in the sandbox does reaches the cable except by way of the first hop. A program that tries hard
runs inside; a capture outside sees every packet; and the same program without omnilink proves that the capture works."""

import os
import socket
import struct
import subprocess
import threading
import unittest

import capture
import origin
import sandboxed
import servers
import world

# Not under sanitizers: what of ours runs here runs in test_exec.py, too; what is on the cable is the kernel's doing.
PRESETS = ("release",)

# Each attempt may fail in its own way; what counts is what is on the cable. argv: port of the origin's echo.
ATTEMPTS = """
import os, socket, subprocess, sys
port = int(sys.argv[1])
def attempt(what):
    try:
        what()
    except Exception as error:
        print(what.__name__, error)
def tcp(host):
    with socket.create_connection((host, port), 5) as c:
        c.sendall(b"x")
        c.recv(1)
def tcp4(): tcp("203.0.113.10")
def tcp6(): tcp("2001:db8:f::10")
def tcp_by_name(): tcp("origin.test")
def tcp_fast_open():
    with socket.socket() as c:
        c.sendto(b"x", socket.MSG_FASTOPEN, ("203.0.113.10", port))
        c.settimeout(5)
        c.recv(1)
def tcp_bound_to_a_device():
    with socket.socket() as c:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"near0")
        c.settimeout(5)
        c.connect(("203.0.113.10", port))
def udp(family, host, to):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.sendto(b"leak", (host, to))
        s.recv(1)
def quic4(): udp(socket.AF_INET, "203.0.113.10", 443)
def quic6(): udp(socket.AF_INET6, "2001:db8:f::10", 443)
def dns_to_a_server(): udp(socket.AF_INET, "198.51.100.2", 53)
def multicast(): udp(socket.AF_INET, "224.0.0.251", 5353)
def ping(): subprocess.run(["ping", "-c1", "-W1", "203.0.113.10"], capture_output=True, timeout=5)
def raw(): socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).sendto(b"\\x08" + bytes(7), ("203.0.113.10", 0))
def names(): socket.getaddrinfo("secret-name.test", 80)
def reverse_name(): socket.gethostbyaddr("203.0.113.10")
def system_sockets():
    for path in sys.argv[2:]:
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(path)
                print("REACHED", path)
            except OSError:
                pass
for what in (tcp4, tcp6, tcp_by_name, tcp_fast_open, tcp_bound_to_a_device, quic4, quic6, dns_to_a_server, multicast,
             ping, raw, names, reverse_name, system_sockets):
    attempt(what)
"""

# nscd's requests for hosts; setpriv and others ask it about users. struct: version, type, length of the key.
NSCD = "/run/nscd/socket"
NSCD_HOSTS = {4, 5, 6, 7, 13, 14}

# Services that would look a name up outside, on behalf of the program.
SYSTEM_SOCKETS = (NSCD, "/run/systemd/resolve/io.systemd.Resolve", "/run/avahi-daemon/socket",
                  "/run/dbus/system_bus_socket")


class stand_in:
    """Listens where a system service would, and counts who asks it for a name."""

    def __init__(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.path, self.asked = path, 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen()
        threading.Thread(target=self.count, daemon=True).start()

    def count(self):
        while True:
            with self.listener.accept()[0] as asker:
                if self.path != NSCD or struct.unpack("iii", asker.recv(12, socket.MSG_WAITALL))[1] in NSCD_HOSTS:
                    self.asked += 1


def setUpModule():
    global SERVERS, ORIGIN, HOMES, HOP, STAND_INS
    world.enter()
    SERVERS, ORIGIN, HOMES = servers.servers(), origin.origin(), sandboxed.homes()
    unittest.addModuleCleanup(SERVERS.__exit__, None, None, None)
    unittest.addModuleCleanup(ORIGIN.__exit__)
    unittest.addModuleCleanup(HOMES.close)
    HOP = SERVERS.microsocks()
    STAND_INS = [stand_in(path) for path in SYSTEM_SOCKETS]


class leaks(unittest.TestCase):
    def program(self):
        return ["python3", "-c", ATTEMPTS, str(ORIGIN.port("echo")), *SYSTEM_SOCKETS]

    def run_inside(self, uid):
        before = [one.asked for one in STAND_INS]
        with capture.capture("near0") as seen:
            ran = HOMES.run(uid, [HOP], *self.program())
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(seen.sent(), {("tcp", HOP.address, HOP.port)})
        self.assertEqual([one.asked for one in STAND_INS], before, ran.stdout)
        self.assertNotIn("REACHED", ran.stdout)
        for way in ("tcp4", "tcp6", "tcp_by_name", "tcp_fast_open"):
            self.assertNotIn(way, ran.stdout)  # these work, through the chain

    def test_nothing_leaks_as_root(self):
        self.run_inside(sandboxed.ROOT)

    def test_nothing_leaks_as_uid_1000(self):
        if not world.is_root():
            world.cannot("needs root, to become another user")
        self.run_inside(sandboxed.ORDINARY)

    def test_nothing_leaks_as_uid_65534(self):
        if not world.is_root():
            world.cannot("needs root, to become another user")
        self.run_inside(sandboxed.NOBODY)

    def test_the_capture_sees_the_same_program_without_omnilink(self):
        before = [one.asked for one in STAND_INS]
        with capture.capture("near0") as seen:
            subprocess.run(self.program(), capture_output=True, timeout=60)
        sent = seen.sent()
        for packet in (("tcp", world.ORIGIN4, ORIGIN.port("echo")), ("tcp", world.ORIGIN6, ORIGIN.port("echo")),
                       ("udp", world.ORIGIN4, 443), ("udp", world.FAR4, 53)):
            self.assertIn(packet, sent)
        self.assertTrue(all(one.asked > count for one, count in zip(STAND_INS, before)))
