"""The mixed listener: real clients, and clients that send nonsense."""

import concurrent.futures
import contextlib
import os
import random
import socket
import subprocess
import unittest

import omnilink
import origin
import world

PRESETS = ("release", "asan")
SEED = 20  # any number; the same bytes in every run


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


class well_behaved(unittest.TestCase):
    def curl(self, *words):
        ran = subprocess.run(["curl", "-sS", "-m", "20", *words], capture_output=True, text=True)
        self.assertEqual((ran.returncode, ran.stdout), (0, "hello from the origin\n"), ran.stderr)

    def test_curl(self):
        port = ORIGIN.port("web")
        with omnilink.service() as service:
            proxy = "%s:%d" % service.address
            for target in (world.ORIGIN4, f"[{world.ORIGIN6}]", "origin4.test", "origin6.test"):
                with self.subTest(target):
                    self.curl("--socks5-hostname", proxy, f"http://{target}:{port}/")
                    self.curl("--proxytunnel", "-x", f"http://{proxy}", f"http://{target}:{port}/")
            self.curl("--socks5", proxy, f"http://{world.ORIGIN4}:{port}/")

    def test_many_at_once(self):
        with omnilink.service() as service, concurrent.futures.ThreadPoolExecutor(64) as pool:
            def one(i):
                make = omnilink.socks5 if i % 2 else omnilink.http_connect
                with make(service.address, world.ORIGIN4, ORIGIN.port("echo")) as connection:
                    text = f"connection {i}\n".encode() * 100
                    connection.sendall(text)
                    return omnilink.read_exactly(connection, len(text)) == text

            self.assertTrue(all(pool.map(one, range(500))))


class badly_behaved(unittest.TestCase):
    def answer(self, service, data, end=True):
        """All that comes back; closed by omnilink, with FIN or RST."""
        with omnilink.connect(service.address) as client:
            got = b""
            # It may have had enough before we have said all.
            with contextlib.suppress(OSError):
                client.sendall(data)
                if end:
                    client.shutdown(socket.SHUT_WR)
            try:
                while chunk := client.recv(65536):
                    got += chunk
            except ConnectionResetError:
                pass
            return got

    def still_works(self, service):
        with omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("echo")) as connection:
            connection.sendall(b"alive")
            self.assertEqual(omnilink.read_exactly(connection, 5), b"alive")

    def test_C1_one_byte_at_a_time(self):
        requests = (b"\x05\x02\x00\x02" + omnilink.socks5_request("origin4.test", ORIGIN.port("echo")),
                    f"CONNECT origin4.test:{ORIGIN.port('echo')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        with omnilink.service() as service:
            for request in requests:
                with omnilink.connect(service.address) as client:
                    for i in range(len(request)):
                        client.sendall(request[i:i + 1])  # TCP_NODELAY: a segment each
                    client.sendall(b"payload")
                    got = b""
                    while not got.endswith(b"payload"):
                        got += omnilink.read_exactly(client, 1)

    def test_C1_cut_off_at_every_byte(self):
        requests = (b"\x05\x01\x00" + omnilink.socks5_request(world.ORIGIN4, 80),
                    b"CONNECT 203.0.113.10:80 HTTP/1.1\r\nHost: x\r\n\r\n")
        with omnilink.service() as service:
            for request in requests:
                for size in range(len(request)):
                    self.assertNotIn(b" 200 ", self.answer(service, request[:size]))
            self.still_works(service)

    def test_C2_a_silent_client_is_closed_at_the_deadline(self):
        with omnilink.service(handshake_timeout="1s") as service:
            for start in (b"", b"\x05", b"\x05\x01\x00\x05\x01", b"CONNECT x"):
                with self.subTest(start):
                    self.answer(service, start, end=False)  # returns when omnilink closes
            self.still_works(service)

    def test_C2_silent_clients_do_not_hold_up_others(self):
        with omnilink.service() as service:
            quiet = [omnilink.connect(service.address) for _ in range(100)]
            self.still_works(service)
            for client in quiet:
                client.close()

    def test_socks5_requests_that_are_not_legal(self):
        greeting = b"\x05\x01\x00"
        with omnilink.service() as service:
            self.assertEqual(self.answer(service, b"\x05\x01\x02"), b"\x05\xff")
            self.assertEqual(self.answer(service, b"\x05\x00"), b"\x05\xff")
            # A TLS client hello: no protocol of this listener.
            self.assertEqual(self.answer(service, b"\x16\x03\x01\x00\x01\x01"), b"")
            # BIND and UDP ASSOCIATE: command not supported; an unknown address type: 8.
            for command in (2, 3, 9):
                bad = greeting + bytes([5, command, 0, 1, 1, 2, 3, 4, 0, 80])
                self.assertEqual(self.answer(service, bad)[2:4], b"\x05\x07", command)
            self.assertEqual(self.answer(service, greeting + b"\x05\x01\x00\x07abcdef")[2:4], b"\x05\x08")
            self.still_works(service)

    def test_C7_names_that_are_not_names(self):
        with omnilink.service("socks5://203.0.113.11:1") as service:
            names = ("a\r\nHost: b", "a\0b", "a b", "", "a/b", "a:b", "x" * 255, "a" * 64 + ".test")
            for count, name in enumerate(names, 1):
                with self.subTest(name), omnilink.connect(service.address) as client:
                    client.sendall(b"\x05\x01\x00" + omnilink.socks5_request(name, 80))
                    omnilink.read_exactly(client, 2)
                    self.assertIn(omnilink.read_socks5_reply(client), (1, 8))
                    self.assertIn(service.access(count=count)["verdict"], ("bad_name", "bad_message"))
            for target in ("a b:80", "a", "a:0", "a:65536", "a:b", "[::1:80", "::1:80", ":80", "x" * 256 + ":80", "a:80\0"):
                with self.subTest(target):
                    head = f"CONNECT {target} HTTP/1.1\r\n\r\n".encode()
                    self.assertRegex(self.answer(service, head), b"^HTTP/1.1 4")

    def test_C3_oversized_heads(self):
        line = b"CONNECT a.test:80 HTTP/1.1\r\n"
        with omnilink.service() as service:
            before = service.resident_kib()
            for head in (line + b"A: " + b"a" * 17 * 1024 + b"\r\n\r\n", line + b"A: b\r\n" * 101 + b"\r\n",
                         b"CONNECT " + b"a" * (1 << 20)):
                self.assertRegex(self.answer(service, head, end=False), b"^(HTTP/1.1 4\\d\\d |$)")
            if os.environ.get("OMNILINK_PRESET", "release") == "release":  # ASan keeps what is freed for a while
                self.assertLess(service.resident_kib() - before, 4096)
            self.still_works(service)

    def test_http_requests_that_no_proxy_serves(self):
        with omnilink.service() as service:
            for head in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET http://a.test/ HTTP/1.1\r\n\r\n"):
                self.assertRegex(self.answer(service, head), b"^HTTP/1.1 400 ")
            for head in (b"CONNECT a:80\r\n\r\n", b"CONNECT  a:80 HTTP/1.1\r\n\r\n", b"CONNECT a:80 HTTP/3\r\n\r\n",
                         b"CONNECT a:80 HTTP/1.1\n\n"):
                with self.subTest(head):
                    self.assertRegex(self.answer(service, head), b"^HTTP/1.1 [45]")
            self.still_works(service)

    def test_random_bytes(self):
        numbers = random.Random(SEED)
        with omnilink.service() as service:
            for first in (b"", b"\x05", b"C", b"\x05\x01\x00"):
                for _ in range(100):
                    self.answer(service, first + numbers.randbytes(numbers.randrange(1, 300)))
            self.still_works(service)

    def test_A1_a_connection_to_the_listener_itself_is_refused(self):
        with omnilink.service() as service:
            for host in ("127.0.0.1", "localhost", "::ffff:127.0.0.1"):
                with self.subTest(host), self.assertRaises(omnilink.refused) as said:
                    omnilink.socks5(service.address, host, service.address[1])
                self.assertEqual(said.exception.reply, 2)
                self.assertEqual(service.access()["verdict"], "loop")
