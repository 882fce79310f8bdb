"""What a program inside the sandbox can reach, as root and as ordinary users."""

import os
import re
import socket
import unittest

import stub

ASK = """
    import socket
    def ask(family, host, port):
        with socket.socket(family, socket.SOCK_STREAM) as s:
            s.settimeout(20)
            s.connect((host, port))
            print(s.makefile().readline(), end="")
"""


class cases:
    uid = None

    def inside(self, text, **kw):
        done = stub.run(*stub.python(ASK + text), uid=self.uid, **kw)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_tcp_reaches_the_redirect_with_its_original_destination(self):
        out = self.inside("""
    ask(socket.AF_INET, "203.0.113.7", 4242)
    ask(socket.AF_INET6, "2001:db8::7", 4243)
    ask(socket.AF_INET6, "::ffff:203.0.113.8", 4244)  # an IPv4 connection of an IPv6 socket
""").splitlines()
        uid = self.uid
        self.assertRegex(out[0], rf"^original 203\.0\.113\.7:4242 source 198\.18\.0\.1:\d+ uid {uid} ")
        self.assertRegex(out[1], rf"^original \[2001:db8::7\]:4243 source \[fd6f:6d6e::1\]:\d+ uid {uid} ")
        self.assertRegex(out[2], rf"^original 203\.0\.113\.8:4244 source 198\.18\.0\.1:\d+ uid {uid} ")

    def test_names_are_answered_whatever_the_server(self):
        out = self.inside("""
    import struct
    def question(kind):
        return struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + b"\\4name\\4test\\0" + struct.pack(">2H", kind, 1)
    for host in "127.0.0.1", "127.0.0.53", "198.51.100.53", "::1", "2001:db8::53":
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(20)
            s.connect((host, 53))  # so that only an answer from there is heard
            s.send(question(1))
            print("udp", host, socket.inet_ntoa(s.recv(512)[-4:]))
        with socket.create_connection((host, 53), 20) as s:
            s.sendall(struct.pack(">H", len(question(28))) + question(28))
            print("tcp", host, socket.inet_ntop(socket.AF_INET6, s.makefile("rb").read()[-16:]))
    print(*sorted({a[4][0] for a in socket.getaddrinfo("name.test", 80)}))
""").splitlines()
        hosts = "127.0.0.1", "127.0.0.53", "198.51.100.53", "::1", "2001:db8::53"
        wanted = [line for h in hosts for line in (f"udp {h} 198.18.0.2", f"tcp {h} fd6f:6d6e:1::2")]
        self.assertEqual(out, wanted + ["198.18.0.2 fd6f:6d6e:1::2"])

    def test_other_udp_is_refused_like_a_closed_port(self):
        out = self.inside("""
    for host in "203.0.113.7", "2001:db8::7", "224.0.0.251", "ff02::fb%lo", "255.255.255.255":
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(20)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            try:
                s.connect(socket.getaddrinfo(host, 443, type=socket.SOCK_DGRAM)[0][4])
                s.send(b"hello")
                s.recv(100)
                print(host, "answered")
            except OSError as e:
                print(host, "timed out" if e.errno is None else "refused at once")
""").splitlines()
        hosts = "203.0.113.7", "2001:db8::7", "224.0.0.251", "ff02::fb%lo", "255.255.255.255"
        self.assertEqual(out, [host + " refused at once" for host in hosts])

    def test_ping_is_refused(self):
        out = self.inside("""
    import errno
    try:
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6)
        s.settimeout(20)
        s.connect(("2001:db8::7", 0))
        s.send(bytes([128, 0, 0, 0, 0, 1, 0, 1]))
        s.recv(100)
        print("answered")
    except OSError as e:
        print(errno.errorcode[e.errno])
""")
        self.assertIn(out.strip(), ("EACCES", "EPERM"))

    def test_the_loopback_is_private(self):
        with socket.create_server(("127.0.0.1", 0)) as host:
            out = self.inside(f"""
    def closed(host, port):
        try:
            ask(socket.AF_INET6 if ":" in host else socket.AF_INET, host, port)
        except ConnectionRefusedError:
            print("refused")
    closed("127.0.0.1", {host.getsockname()[1]})  # open outside
    closed("::1", 6)
    closed("198.18.0.1", 6)
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as s:
            print("own server", s.getpeername() == server.getsockname())
""").splitlines()
        self.assertEqual(out, ["refused", "refused", "refused", "own server True"])

    def test_loopback_ports_of_the_host(self):
        out = self.inside("""
    ask(socket.AF_INET, "127.0.0.1", 3000)
    ask(socket.AF_INET6, "::1", 5432)
    try:
        ask(socket.AF_INET, "127.0.0.1", 3001)
    except ConnectionRefusedError:
        print("refused")
""", options=["--loopback", "3000,5432"]).splitlines()
        self.assertRegex(out[0], r"^original 127\.0\.0\.1:3000 source 127\.0\.0\.1:")
        self.assertRegex(out[1], r"^original \[::1\]:5432 source \[::1\]:")
        self.assertEqual(out[2], "refused")

    def test_A1_direct_connect_to_redirect_port_is_reset(self):
        done = stub.run(*stub.python("""
            import re, socket
            count = 0
            for table, family, host in ("tcp", socket.AF_INET, "127.0.0.1"), ("tcp6", socket.AF_INET6, "::1"):
                for line in open("/proc/net/" + table):
                    found = re.search(r":([0-9A-F]{4}) [0-9A-F]+:0000 0A", line)
                    if not found: continue
                    with socket.socket(family, socket.SOCK_STREAM) as s:
                        s.settimeout(20)
                        try:
                            s.connect((host, int(found[1], 16)))
                            s.send(bytes([0, 1]))  # the name server hangs up on it
                            assert s.recv(1) == b""
                        except ConnectionResetError:
                            count += 1
            print(count)"""), uid=self.uid)
        self.assertEqual(done.stdout, "2\n")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 2, done.stderr)
        for line in lines:
            self.assertRegex(line, r"^omnilink exec: from \S+: not_redirected$")

    def test_connections_spread_over_the_workers(self):
        out = self.inside("""
    for _ in range(200):
        ask(socket.AF_INET, "203.0.113.7", 80)
""", options=["--workers", "3"])
        workers = [int(w) for w in re.findall(r"worker (\d)", out)]
        ports = [int(p) for p in re.findall(r"source \S+:(\d+) uid", out)]
        self.assertEqual(len(workers), 200)
        self.assertEqual(workers, [((p * 2654435769 & 0xffffffff) >> 16) % 3 for p in ports])
        self.assertEqual(set(workers), {0, 1, 2})

    def test_an_address_that_is_not_ours_cannot_be_bound(self):
        out = self.inside("""
    for family, host in (socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"):
        try:
            socket.socket(family, socket.SOCK_STREAM).bind((host, 0))
        except OSError as e:
            print(e.strerror)
""")
        self.assertEqual(out, "Cannot assign requested address\n" * 2)


@stub.needs_root
class as_root(cases, unittest.TestCase):
    uid = 0


@stub.needs_root
class as_user(cases, unittest.TestCase):
    uid = 1000


@stub.needs_root
class as_nobody(cases, unittest.TestCase):
    uid = 65534


@unittest.skipIf(os.geteuid() == 0, "root runs it as other users")
class as_myself(cases, unittest.TestCase):
    uid = os.geteuid()
