"""The truth of the byte stream, through every kind of hop: half-close in all orders, RST as RST, nothing lost around
the handshakes. Hops that understand half-close: none, another omnilink (SOCKS5, CONNECT, both behind TLS), ssh -D."""

import functools
import hashlib
import socket
import subprocess
import threading
import unittest

import hops
import omnilink
import origin
import servers
import world

PRESETS = ("release", "asan")
MIB = 1 << 20


class ways:
    """The hop of each name, started when first asked for."""

    def __init__(self):
        self.servers, self.origin = servers.servers(), origin.origin()

    @functools.cache
    def far_omnilink(self):
        return omnilink.service(address=world.FAR4, far=True)

    def close(self):
        if self.far_omnilink.cache_info().currsize:
            self.far_omnilink().__exit__(None)
        self.origin.__exit__()
        self.servers.__exit__()

    def direct(self):
        return []

    def socks5(self):
        return [self.far_omnilink().url]

    def http(self):
        return [self.far_omnilink().url.replace("socks5:", "http:")]

    @functools.cache
    def tls(self):
        host, port = self.far_omnilink().address
        behind = servers.server("omnilink", None, None, host, port, "http")
        return [self.servers.stunnel(behind)]

    @functools.cache
    def ssh(self):
        return [self.servers.ssh_dynamic()]


def setUpModule():
    global WAYS, ORIGIN
    world.enter()
    WAYS = ways()
    ORIGIN = WAYS.origin
    unittest.addModuleCleanup(WAYS.close)


class stream_test(unittest.TestCase):
    def setUp(self):
        # Records of one test are its own.
        ORIGIN.records.clear()

    def through(self, way):
        service = omnilink.service(*getattr(WAYS, way)())
        self.addCleanup(service.__exit__, None)
        return service

    def connect(self, service, behaviour):
        connection = omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port(behaviour))
        self.addCleanup(connection.close)
        return connection


class half_close(stream_test):
    def client_first(self, way):
        """Upload, FIN; the answer comes after it."""
        connection = self.connect(self.through(way), "digest")
        origin.send_bytes(connection, MIB)
        connection.shutdown(socket.SHUT_WR)
        self.assertEqual(origin.read_line(connection), f"{MIB} {origin.digest_of(MIB)}")
        self.assertEqual(connection.recv(1), b"")

    def server_first(self, way):
        """The origin's FIN arrives while the client goes on sending."""
        connection = self.connect(self.through(way), "farewell")
        self.assertEqual(origin.read_all(connection)[0], len("bye\n"))
        origin.send_bytes(connection, MIB)
        connection.shutdown(socket.SHUT_WR)
        self.assertEqual(ORIGIN.record("farewell"), (MIB, origin.digest_of(MIB)))

    def client_first_then_a_long_answer(self, way):
        """FIN right behind the request, and 8 MiB come back."""
        connection = self.connect(self.through(way), "download")
        connection.sendall(f"{8 * MIB}\n".encode())
        connection.shutdown(socket.SHUT_WR)
        self.assertEqual(origin.read_all(connection), (8 * MIB, origin.digest_of(8 * MIB)))

    def both_at_once(self, way):
        """Both sides send 4 MiB and FIN without waiting for each other."""
        def both(server):
            sender = threading.Thread(target=lambda: (origin.send_bytes(server, 4 * MIB), server.shutdown(socket.SHUT_WR)))
            sender.start()
            result = origin.read_all(server)
            sender.join()
            return result

        name = f"both-{way}"
        ORIGIN.serve(name, both)
        connection = self.connect(self.through(way), name)
        client = threading.Thread(target=lambda: (origin.send_bytes(connection, 4 * MIB), connection.shutdown(socket.SHUT_WR)))
        client.start()
        self.assertEqual(origin.read_all(connection), (4 * MIB, origin.digest_of(4 * MIB)))
        client.join()
        self.assertEqual(ORIGIN.record(name), (4 * MIB, origin.digest_of(4 * MIB)))


class bulk(stream_test):
    def test_64_mib_both_ways_at_once_with_a_slow_reader(self):
        size = 64 * MIB

        def both(server):
            sender = threading.Thread(target=lambda: (origin.send_bytes(server, size), server.shutdown(socket.SHUT_WR)))
            sender.start()
            result = origin.read_all(server)
            sender.join()
            return result

        ORIGIN.serve("bulk", both)
        service = self.through("direct")
        connection = self.connect(service, "bulk")
        client = threading.Thread(target=lambda: (origin.send_bytes(connection, size), connection.shutdown(socket.SHUT_WR)))
        client.start()
        # Small reads first: what comes is faster than this, and waits in the relay.
        made, count = hashlib.sha256(), 0
        while chunk := connection.recv(2000 if count < 8 * MIB else origin.RECEIVE):
            made.update(chunk)
            count += len(chunk)
        client.join()
        self.assertEqual((count, made.hexdigest()), (size, origin.digest_of(size)))
        self.assertEqual(ORIGIN.record("bulk"), (size, origin.digest_of(size)))
        line = service.access()
        self.assertEqual((line["up"], line["down"], line["verdict"]), (size, size, "ok"))


class resets(stream_test):
    def by_the_origin(self, way):
        connection = self.connect(self.through(way), "rst")
        connection.sendall(b"0\n")
        with self.assertRaises(ConnectionResetError):
            while connection.recv(65536):
                pass
            self.fail("FIN instead of RST")

    def by_the_client(self, way):
        service = self.through(way)
        connection = self.connect(service, "count")
        connection.sendall(b"x")
        omnilink.wait_until(lambda: established(ORIGIN.port("count")), "the origin has the connection")
        origin.reset(connection)
        self.assertIsInstance(ORIGIN.record("count"), ConnectionResetError)

    def after_flushing(self, way):
        """Everything that was received before the RST arrives before it."""
        connection = self.connect(self.through(way), "rst")
        connection.sendall(f"{MIB}\n".encode())
        got = 0
        with self.assertRaises(ConnectionResetError):
            while chunk := connection.recv(65536):
                got += len(chunk)
            self.fail(f"FIN instead of RST, after {got} bytes")
        self.assertEqual(got, MIB)


def established(port):
    """Is there an accepted connection on this far port?"""
    shown = subprocess.run(world.in_far(["ss", "-Htn", "state", "established", f"( sport = :{port} )"]),
                           capture_output=True, text=True)
    return bool(shown.stdout.strip())


class around_the_handshake(stream_test):
    def test_B6_the_banner_in_the_segment_of_the_hops_yes(self):
        banner = b"220 fused\r\n"

        def socks5(connection):
            hops.take_socks5_request(connection)
            connection.sendall(hops.SOCKS5_YES + banner)
            return hops.hold(connection)

        fused = {"socks5": socks5, "http": hops.says(b"HTTP/1.1 200 OK\r\n\r\n" + banner, hops.hold)}
        for scheme, behaviour in fused.items():
            with self.subTest(scheme), omnilink.service(hops.scripted(ORIGIN, behaviour, scheme)) as service:
                with omnilink.socks5(service.address, "name.test", 25) as connection:
                    self.assertEqual(omnilink.read_exactly(connection, len(banner)), banner)

    def test_B7_payload_in_the_segment_of_the_clients_request(self):
        payload = b"early payload"
        with omnilink.service() as service, omnilink.connect(service.address) as client:
            client.sendall(b"\x05\x01\x00" + omnilink.socks5_request(world.ORIGIN4, ORIGIN.port("echo")) + payload)
            self.assertEqual(omnilink.read_exactly(client, 2), b"\x05\x00")
            self.assertEqual(omnilink.read_socks5_reply(client), 0)
            self.assertEqual(omnilink.read_exactly(client, len(payload)), payload)
        with omnilink.service() as service, omnilink.connect(service.address) as client:
            head = f"CONNECT {world.ORIGIN4}:{ORIGIN.port('echo')} HTTP/1.1\r\n\r\n"
            client.sendall(head.encode() + payload)
            self.assertIn(b" 200 ", omnilink.read_http_head(client))
            self.assertEqual(omnilink.read_exactly(client, len(payload)), payload)

    def test_B8_no_payload_before_the_hop_has_said_yes(self):
        def before_yes(connection):
            omnilink.read_http_head(connection)
            connection.settimeout(0.3)
            try:
                early = connection.recv(1)
            except TimeoutError:
                early = b""
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            connection.settimeout(10)
            return early, omnilink.read_exactly(connection, 5)

        hop = hops.scripted(ORIGIN, before_yes, "http")
        with omnilink.service(hop) as service, omnilink.connect(service.address) as client:
            client.sendall(b"\x05\x01\x00" + omnilink.socks5_request("name.test", 80) + b"early")
            self.assertEqual(hop.record(), (b"", b"early"))


def add_tests():
    for way in ("direct", "socks5", "http", "tls", "ssh"):
        for order in ("client_first", "server_first", "client_first_then_a_long_answer", "both_at_once"):
            # Once both directions have ended stunnel takes the HUP for the end of all, and drops what it has not read yet:
            # its log counts the bytes. tests/io has these orders on TLS without it.
            if way == "tls" and order in ("client_first_then_a_long_answer", "both_at_once"):
                continue
            setattr(half_close, f"test_B1_{order}_{way}", functools.partialmethod(getattr(half_close, order), way))
    # ssh and stunnel make a FIN of an RST; what they heard cannot be told from what they say.
    for way in ("direct", "socks5", "http"):
        for name, body in {"B2_by_the_origin": resets.by_the_origin, "B2_by_the_client": resets.by_the_client,
                           "B3_after_flushing": resets.after_flushing}.items():
            setattr(resets, f"test_{name}_{way}", functools.partialmethod(body, way))


add_tests()
