"""Each kind of explicit listener: what it takes, from whom, and where it leads."""

import contextlib
import crypt
import os
import socket
import struct
import subprocess
import tempfile
import unittest

import hops
import omnilink
import origin
import servers
import world

PRESETS = ("release", "asan")


def setUpModule():
    global ORIGIN
    world.enter()
    ORIGIN = origin.origin()
    ORIGIN.serve("web", web)
    unittest.addModuleCleanup(ORIGIN.__exit__)


def web(connection):
    omnilink.read_http_head(connection)
    body = b"hello from the origin\n"
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)


def listener(text):
    return "[[listen]]\n" + text + "\n"


def socks4_request(address, port, user=b"", name=b""):
    return b"\x04\x01" + struct.pack("!H", port) + socket.inet_aton(address) + user + b"\0" + (name + b"\0" if name else b"")


def all_that_comes(where, data):
    """What is answered until the end, and whether that was an RST."""
    got = b""
    try:
        # The RST may be there before connect() has returned.
        with omnilink.connect(where) as client:
            with contextlib.suppress(BrokenPipeError):
                client.sendall(data)
            while chunk := client.recv(65536):
                got += chunk
            return got, False
    except ConnectionResetError:
        return got, True


class socks4(unittest.TestCase):
    def curl(self, *words):
        ran = subprocess.run(["curl", "-sS", "-m", "20", *words], capture_output=True, text=True)
        self.assertEqual((ran.returncode, ran.stdout), (0, "hello from the origin\n"), ran.stderr)

    def test_curl_speaks_both_dialects(self):
        port = ORIGIN.port("web")
        with omnilink.service() as service:
            proxy = "%s:%d" % service.address
            self.curl("--socks4", proxy, f"http://{world.ORIGIN4}:{port}/")
            self.curl("--socks4a", proxy, f"http://origin4.test:{port}/")
            self.assertEqual(service.access(count=2)["destination"], f"origin4.test:{port}")
            self.curl("--socks4a", f"user@{proxy}", f"http://origin4.test:{port}/")

    def test_what_is_not_granted(self):
        with omnilink.service(f"socks5://{world.CLOSED4}:1") as service:
            for request, verdict in ((socks4_request("203.0.113.10", 80), "refused"),
                                     (b"\x04\x02" + socks4_request("203.0.113.10", 80)[2:], "bad_command"),
                                     (socks4_request("0.0.0.1", 80, name=b"a b"), "bad_name")):
                count = sum('"verdict"' in line for line in service.lines) + 1
                self.assertEqual(all_that_comes(service.address, request), (b"\0\x5b" + bytes(6), False))
                self.assertEqual(service.access(count=count)["verdict"], verdict)

    def test_a_socks5_listener_takes_no_socks4(self):
        with omnilink.service(listen=["socks5://127.0.0.1:0"]) as service:
            self.assertEqual(all_that_comes(service.address, socks4_request(world.ORIGIN4, 80))[0], b"")
            self.assertEqual(service.access()["verdict"], "bad_version")

    def test_targets_that_the_hop_cannot_be_asked_for(self):
        # The hop would accept and say nothing: the verdict comes without its help.
        hop = hops.scripted(ORIGIN, hops.hold, "socks4")
        with omnilink.service(hop) as service:
            for target, why in (("name.test", "use socks4a or socks5"), (world.ORIGIN6, "no IPv6")):
                with self.subTest(target), self.assertRaises(omnilink.refused):
                    omnilink.socks5(service.address, target, 80)
                line = service.access(count=1 if target == "name.test" else 2)
                self.assertEqual((line["verdict"], line["step"]), ("unsupported", "request"))
                self.assertIn(why, line["detail"])

    def test_a_hop_says_no(self):
        for code in (91, 92, 93):
            hop = hops.scripted(ORIGIN, hops.says(bytes([0, code])), "socks4a")
            with self.subTest(code), omnilink.service(hop) as service:
                self.assertEqual(all_that_comes(service.address, socks4_request("0.0.0.1", 80, name=b"name.test"))[0][1], code)
                self.assertIn(f"SOCKS4 reply {code}", service.access()["detail"])

    def test_C8_C6_replies_that_are_not_legal(self):
        replies = {"version 4": (b"\x04\x5a" + bytes(6), "bad_version"), "socks5": (b"\x05\0", "bad_version"),
                   "a code of nobody's": (b"\0\x59" + bytes(6), "bad_message"), "cut off": (b"\0\x5a\0", "closed_early"),
                   "nothing": (b"", "closed_early")}
        for name, (reply, code) in replies.items():
            hop = hops.scripted(ORIGIN, hops.says(reply), "socks4a")
            with self.subTest(name), omnilink.service(hop) as service:
                with self.assertRaises(omnilink.refused):
                    omnilink.socks5(service.address, "name.test", 80)
                line = service.access()
                self.assertEqual((line["verdict"], line["step"]), (code, "request"))


class fixed_destination(unittest.TestCase):
    def test_a_tcp_listener_leads_to_its_one_destination(self):
        with servers.servers() as proxies:
            hop = proxies.microsocks()
            for target in (f"{world.ORIGIN4}", "origin4.test", f"[{world.ORIGIN6}]"):
                to = f"{target}:{ORIGIN.port('echo')}"
                with self.subTest(to), omnilink.service(hop, listen=[f"tcp://127.0.0.1:0?to={to}"]) as service:
                    with omnilink.connect(service.address) as client:
                        client.sendall(b"\x05\x01\x00 is payload here")
                        self.assertEqual(omnilink.read_exactly(client, 19), b"\x05\x01\x00 is payload here")
                    self.assertEqual(service.access()["destination"], to)

    def test_the_server_may_speak_first(self):
        with omnilink.service(listen=[f"tcp://127.0.0.1:0?to=origin4.test:{ORIGIN.port('greet')}"]) as service:
            with omnilink.connect(service.address) as client:
                self.assertEqual(origin.read_line(client), "220 origin ready")

    def test_a_failure_is_a_reset(self):
        with omnilink.service(listen=[f"tcp://127.0.0.1:0?to={world.CLOSED4}:80"]) as service:
            self.assertEqual(all_that_comes(service.address, b""), (b"", True))
            self.assertEqual(service.access()["verdict"], "refused")

    def test_A1_a_destination_that_is_the_listener_itself(self):
        port = 4080
        for host in ("127.0.0.1", "localhost"):
            with self.subTest(host), omnilink.service(listen=[f"tcp://127.0.0.1:{port}?to={host}:{port}"]) as service:
                self.assertEqual(all_that_comes(service.address, b""), (b"", True))
                self.assertEqual(service.access()["verdict"], "loop")


class client_lists(unittest.TestCase):
    def test_E6_who_is_left_out_is_reset_before_a_byte_is_read(self):
        for kind in ("mixed", "socks5", "http", "tcp"):
            to = f"&to={world.ORIGIN4}:{ORIGIN.port('greet')}" if kind == "tcp" else ""
            for address, clients, admitted in (("127.0.0.1", "127.0.0.0/8", True), ("127.0.0.1", "10.0.0.0/8,::1", False),
                                               ("[::1]", "::1", True), ("[::1]", "127.0.0.0/8", False)):
                with self.subTest((kind, clients)):
                    with omnilink.service(listen=[f"{kind}://{address}:0?clients={clients}{to}"]) as service:
                        self.check(service, kind, admitted)

    def check(self, service, kind, admitted):
        if admitted:
            with self.through(service, kind) as connection:
                self.assertEqual(origin.read_line(connection), "220 origin ready")
            return
        for _ in range(3):
            self.assertEqual(all_that_comes(service.address, b""), (b"", True))
        line = service.access()
        self.assertEqual((line["verdict"], line["step"], line["destination"]), ("permission_denied", "accept", "-"))
        stats = omnilink.run("nat", "stats", "--socket", f"{service.folder}/admin.sock")
        self.assertRegex(stats.stdout, r"denied\s+3\b", stats.stderr)
        # Whoever is left out cannot fill the log.
        self.assertLess(sum("permission_denied" in line for line in service.lines), 3)

    def through(self, service, kind):
        if kind == "tcp":
            return omnilink.connect(service.address)
        make = omnilink.http_connect if kind == "http" else omnilink.socks5
        return make(service.address, world.ORIGIN4, ORIGIN.port("greet"))

    def test_they_change_with_a_reload(self):
        text = listener('url = "mixed://127.0.0.1:0"\nclients = ["{}"]')
        with omnilink.service(more=text.format("127.0.0.1")) as service:
            omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("echo")).close()
            path = f"{service.folder}/omnilink.toml"
            with open(path) as file:
                changed = file.read().replace("127.0.0.1\"]", "127.0.0.2\"]")
            world.write(path, changed)
            done = omnilink.run("reload", "--socket", f"{service.folder}/admin.sock")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(all_that_comes(service.address, b""), (b"", True))


class logins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.NamedTemporaryFile("w", prefix="omnilink-users-", delete=False) as file:
            file.write("# who may come in\nplain:can%ary\n")
            for name, salt in (("yescrypt", "$y$j75$abcdefgh"), ("sha512", "$6$salt"), ("bcrypt", "$2b$05$abcdefghijklmnopqrstuu")):
                file.write(f"{name}:{crypt.crypt('can%ary', salt)}\n")
        cls.file = file.name  # made 0600
        cls.addClassCleanup(os.unlink, cls.file)

    def curl(self, *words):
        ran = subprocess.run(["curl", "-sS", "-m", "20", *words, f"http://origin4.test:{ORIGIN.port('web')}/"], capture_output=True, text=True)
        return ran.returncode, ran.stdout

    def ways(self, service, login):
        login = f"{login}@" if login else ""
        proxy = "%s:%d" % service.address
        yield "socks5", ["-x", f"socks5h://{login}{proxy}"]
        yield "http", ["--proxytunnel", "-x", f"http://{login}{proxy}"]

    def test_real_clients_log_in_with_every_kind_of_hash(self):
        good = (0, "hello from the origin\n")
        for kind in ("mixed", "socks5", "http"):
            with omnilink.service(listen=[f"{kind}://127.0.0.1:0?auth_file={self.file}"]) as service:
                count = 0
                for user in ("plain", "yescrypt", "sha512", "bcrypt"):
                    for way, words in self.ways(service, f"{user}:can%25ary"):
                        if kind in ("mixed", way):
                            with self.subTest((kind, user, way)):
                                self.assertEqual(self.curl(*words), good)
                                count += 1
                                self.assertEqual(service.access(count=count)["user"], user)
                self.assertNotIn("can%", "".join(service.lines))

    def test_C8_nobody_else_comes_in(self):
        with omnilink.service(listen=[f"mixed://127.0.0.1:0?auth_file={self.file}"]) as service:
            count = 0
            for login, verdict in (("", "auth_required"), ("plain:wrong", "auth_failed"), ("bcrypt:wrong", "auth_failed"),
                                   ("stranger:can%25ary", "auth_failed"), ("plain:can", "auth_failed")):
                for way, words in self.ways(service, login):
                    with self.subTest((login, way)):
                        code, out = self.curl(*words)
                        self.assertNotEqual((code, out[:5]), (0, "hello"))
                        count += 1
                        line = service.access(count=count)
                        self.assertEqual((line["verdict"], line["step"], line["user"]), (verdict, "auth", ""))

    def test_C8_what_the_client_is_told(self):
        with omnilink.service(listen=[f"mixed://127.0.0.1:0?auth_file={self.file}"]) as service:
            self.assertEqual(all_that_comes(service.address, b"\x05\x01\x00"), (b"\x05\xff", False))
            self.assertEqual(all_that_comes(service.address, b"\x05\x01\x02\x01\x05plain\x05wrong"), (b"\x05\x02\x01\x01", False))
            answer, _ = all_that_comes(service.address, b"CONNECT a:1 HTTP/1.1\r\n\r\n")
            self.assertRegex(answer, b"^HTTP/1.1 407 (?s:.*)\r\nProxy-Authenticate: Basic realm=")
            # SOCKS4 has no password, and says that it is not granted.
            self.assertEqual(all_that_comes(service.address, socks4_request(world.ORIGIN4, 80, b"plain")), (b"\0\x5b" + bytes(6), False))
            self.assertIn("SOCKS4 has no password", service.access(count=4)["detail"])

    def test_a_login_in_the_url(self):
        with omnilink.service(listen=["mixed://me:can%25ary@127.0.0.1:0"]) as service:
            for way, words in self.ways(service, "me:can%25ary"):
                self.assertEqual(self.curl(*words)[0], 0, way)
            with open(f"/proc/{service.process.pid}/cmdline") as words:
                self.assertNotIn("ary", words.read())

    def test_users_change_with_a_reload(self):
        with tempfile.NamedTemporaryFile("w", prefix="omnilink-users-") as file:
            file.write("me:one\n")
            file.flush()
            with omnilink.service(more=listener(f'url = "mixed://127.0.0.1:0"\nauth_file = "{file.name}"')) as service:
                words = dict(self.ways(service, "me:one"))["http"]
                self.assertEqual(self.curl(*words)[0], 0)
                world.write(file.name, "me:two\n")
                self.assertEqual(omnilink.run("reload", "--socket", f"{service.folder}/admin.sock").returncode, 0)
                self.assertNotEqual(self.curl(*words)[0], 0)
                self.assertEqual(self.curl(*dict(self.ways(service, "me:two"))["socks5"])[0], 0)
