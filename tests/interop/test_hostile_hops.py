"""Hops that are down, silent, lying or untrusted: the client is told in its own protocol, and the access line says which
hop, at which step, and why."""

import socket
import time
import unittest

import hops
import omnilink
import origin
import servers
import world

PRESETS = ("release", "asan")
# What a hop can get rid of into buffers of the kernel before it notices that nobody reads.
KERNEL_BUFFERS = 8 << 20


def setUpModule():
    global SERVERS, ORIGIN
    world.enter()
    SERVERS, ORIGIN = servers.servers(), origin.origin()
    unittest.addModuleCleanup(SERVERS.__exit__, None, None, None)
    unittest.addModuleCleanup(ORIGIN.__exit__)


class hostile_test(unittest.TestCase):
    def verdict(self, *chain, rep, status, code, step=None, hop=0, target="name.test", **settings):
        """Both client protocols get their answer; the log says the rest. Returns the access line."""
        with omnilink.service(*chain, **settings) as service:
            with self.assertRaises(omnilink.refused) as socks5:
                omnilink.socks5(service.address, target, 80)
            with self.assertRaises(omnilink.refused) as http:
                omnilink.http_connect(service.address, target, 80)
            line = service.access(count=2)
            self.assertEqual(line["verdict"], code, line)
            self.assertEqual(socks5.exception.reply, rep, line)
            self.assertEqual(http.exception.reply, status, line)
            if step:
                self.assertEqual(line["step"], step, line)
            if hop is not None:
                self.assertIn(f"hop {hop}", line["detail"])
            return line

    def scripted(self, behaviour, scheme="socks5", query=""):
        return hops.scripted(ORIGIN, behaviour, scheme, query)


class down(hostile_test):
    def test_the_first_hop_refuses_the_connection(self):
        self.verdict(f"socks5://{world.CLOSED4}:1080", rep=5, status=502, code="refused", step="connect")
        self.verdict(f"http://[{world.CLOSED6}]:80", rep=5, status=502, code="refused", step="connect")

    def test_the_second_hop_is_down_as_the_first_one_says(self):
        # microsocks: REP 5; tinyproxy: 500.
        self.verdict(SERVERS.microsocks(), f"socks5://{world.CLOSED4}:1080", rep=5, status=502, code="hop_refused",
                     step="request")
        self.verdict(SERVERS.tinyproxy(), f"socks5://{world.CLOSED4}:1080", rep=1, status=502, code="hop_refused",
                     step="request")

    def test_the_target_is_down(self):
        with omnilink.service() as service:
            with self.assertRaises(omnilink.refused) as said:
                omnilink.socks5(service.address, world.CLOSED4, 80)
            self.assertEqual(said.exception.reply, 5)

    def test_the_first_hops_name_does_not_exist(self):
        # The resolver of this world refuses every question.
        self.verdict("socks5://nowhere.test:1080", rep=4, status=502, code="resolve_failed", step="resolve")

    def test_wrong_password(self):
        wrong = SERVERS.microsocks("user", "right").url.replace("right", "wrong")
        self.verdict(wrong, rep=1, status=502, code="auth_failed", step="auth")
        # tinyproxy says 401 where RFC 9110 wants 407.
        wrong = SERVERS.tinyproxy("user", "right").url.replace("right", "wrong")
        line = self.verdict(wrong, rep=1, status=502, code="hop_refused")
        self.assertIn("HTTP status 401", line["detail"])
        self.assertNotIn("wrong", str(line))
        refusal = hops.says(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        hop = self.scripted(refusal, "http").url.replace("://", "://user:wrong@")
        self.verdict(hop, rep=1, status=502, code="auth_failed")

    def test_a_password_is_wanted_and_there_is_none(self):
        self.verdict(SERVERS.microsocks("user", "right").url.replace("user:right@", ""), rep=1, status=502,
                     code="method_refused", step="auth")
        self.verdict(SERVERS.tinyproxy("user", "right").url.replace("user:right@", ""), rep=1, status=502,
                     code="auth_required")


class silent(hostile_test):
    def test_C2_a_silent_hop_ends_at_the_deadline(self):
        self.verdict(self.scripted(hops.hold), rep=4, status=504, code="timed_out", hop_timeout="400ms")
        self.verdict(self.scripted(hops.hold, "http"), rep=4, status=504, code="timed_out", hop_timeout="400ms")
        self.verdict(self.scripted(hops.hold, "https"), rep=4, status=504, code="timed_out", step="tls",
                     hop_timeout="400ms")

    def test_C2_the_chain_has_a_deadline_of_its_own(self):
        self.verdict(self.scripted(hops.hold), rep=4, status=504, code="timed_out", chain_timeout="400ms")

    def test_C2_a_dribbling_hop_does_not_renew_its_deadline(self):
        def dribble(connection):
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            for _ in range(1000):
                connection.sendall(b"A")
                time.sleep(0.02)  # faster than any read's own deadline

        self.verdict(self.scripted(dribble, "http"), rep=4, status=504, code="timed_out", hop_timeout="500ms")

    def test_C2_a_silent_hop_does_not_hold_up_others(self):
        held = []

        def first_one_hangs(connection):
            held.append(connection)
            return hops.hold(connection) if len(held) == 1 else hops.yes_then(hops.hold)(connection)

        with omnilink.service(self.scripted(first_one_hangs)) as service:
            with omnilink.connect(service.address) as hanging:
                hanging.sendall(b"\x05\x01\x00" + omnilink.socks5_request("name.test", 80))
                omnilink.wait_until(lambda: held, "the hop has the first connection")
                for _ in range(8):
                    omnilink.socks5(service.address, "name.test", 80).close()
                held[0].shutdown(socket.SHUT_RDWR)


class lying(hostile_test):
    def test_C1_replies_of_one_byte_at_a_time(self):
        def slowly(connection, reply):
            for i in range(len(reply)):
                connection.sendall(reply[i:i + 1])
                time.sleep(0.002)  # so that each byte is a segment

        def socks5(connection):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            omnilink.read_exactly(connection, 3)
            slowly(connection, b"\x05\x00")
            connection.recv(1000)
            slowly(connection, b"\x05\x00\x00\x03\x05abcde\x00\x50" + b"greeting")
            return hops.hold(connection)

        def http(connection):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            omnilink.read_http_head(connection)
            slowly(connection, b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n" + b"greeting")
            return hops.hold(connection)

        for scheme, behaviour in {"socks5": socks5, "http": http}.items():
            with self.subTest(scheme), omnilink.service(self.scripted(behaviour, scheme)) as service:
                with omnilink.socks5(service.address, "name.test", 80) as connection:
                    self.assertEqual(omnilink.read_exactly(connection, 8), b"greeting")

    def test_C8_socks5_replies_that_are_not_legal(self):
        replies = {
            "another version": (b"\x04\x00", "bad_version"),
            "no method": (b"\x05\xff", "method_refused"),
            "a method that was not offered": (b"\x05\x02", "bad_message"),
            "cut off": (b"\x05", "closed_early"),
            "nothing": (b"", "closed_early"),
            "http": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "bad_version"),
        }
        for name, (reply, code) in replies.items():
            with self.subTest(name):
                self.verdict(self.scripted(hops.says(reply)), rep=1, status=502, code=code, step="auth")

    def test_C8_socks5_answers_to_the_request_that_are_not_legal(self):
        def answer(reply):
            def whole(connection):
                hops.take_socks5_request(connection)
                connection.sendall(reply)

            return self.scripted(whole)

        self.verdict(answer(b"\x04\x00\x00\x01" + bytes(6)), rep=1, status=502, code="bad_version", step="request")
        self.verdict(answer(b"\x05\x00\x00\x07" + bytes(6)), rep=1, status=502, code="bad_message", step="request")
        self.verdict(answer(b"\x05\x00\x00\x01" + bytes(3)), rep=1, status=502, code="closed_early", step="request")
        self.verdict(answer(b"\x05\x02\x00\x01" + bytes(6)), rep=2, status=502, code="hop_refused", step="request")

    def test_C8_no_downgrade_when_a_password_is_set(self):
        hop = self.scripted(hops.says(b"\x05\x00", hops.hold))
        url = hop.url.replace("://", "://user:secret@")
        with omnilink.service(url) as service, self.assertRaises(omnilink.refused):
            omnilink.socks5(service.address, "name.test", 80)

    def test_C4_any_2xx_is_a_tunnel(self):
        for reply in (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                      b"HTTP/1.0 204 No Content\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"):
            with self.subTest(reply):
                hop = self.scripted(hops.http_yes_then(lambda c: c.sendall(b"tunnel"), reply), "http")
                with omnilink.service(hop) as service, omnilink.socks5(service.address, "name.test", 80) as connection:
                    self.assertEqual(omnilink.read_exactly(connection, 6), b"tunnel")

    def test_C5_a_name_is_as_long_as_may_be_or_refused_however_slow_the_hop(self):
        """The hop's pauses let the script of the handshake begin again and again, as in CVE-2023-38545."""
        longest = ".".join(["a" * 63] * 3 + ["b" * 61])  # 253
        asked = []

        def slowly(connection):
            omnilink.read_exactly(connection, 3)
            for byte in b"\x05\x00":
                connection.sendall(bytes([byte]))
                time.sleep(0.05)
            asked.append(omnilink.read_exactly(connection, 5 + len(longest) + 2))
            connection.sendall(hops.SOCKS5_YES)
            return hops.hold(connection)

        with omnilink.service(self.scripted(slowly)) as service:
            for way in (omnilink.socks5, omnilink.http_connect):
                way(service.address, longest, 80).close()
            self.assertEqual(asked, [b"\x05\x01\x00\x03\xfd" + longest.encode() + b"\x00\x50"] * 2)
            for too_long in (longest + "c", "c" * 255, "a." * 127 + "b"):
                for way in (omnilink.socks5, omnilink.http_connect):
                    with self.subTest(way.__name__, length=len(too_long)), self.assertRaises((omnilink.refused, EOFError, ConnectionError)):
                        way(service.address, too_long, 80)
            with self.assertRaises((omnilink.refused, EOFError, ConnectionError)):
                omnilink.http_connect(service.address, "d" * 1000, 80)
            self.assertEqual(len(asked), 2, "the hop was asked for something else")
            omnilink.socks5(service.address, longest, 80).close()

    def test_C7_http_replies_that_are_not_legal(self):
        for reply in (b"SSH-2.0-x\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"HTTP/1.1 99 no\r\n\r\n", b"HTTP/1.1 200 OK\n\n",
                      b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n"):
            with self.subTest(reply):
                with omnilink.service(self.scripted(hops.says(reply), "http")) as service:
                    with self.assertRaises(omnilink.refused) as said:
                        omnilink.socks5(service.address, "name.test", 80)
                    self.assertEqual(said.exception.reply, 1)
                    self.assertIn(service.access()["verdict"], ("bad_message", "bad_version"))

    def test_C3_an_endless_head_is_cut_off(self):
        def endless(connection):
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            sent = 0
            try:
                while sent < 4 * KERNEL_BUFFERS:
                    sent += connection.send(b"X-Filler: " + b"a" * 1000 + b"\r\n")
            except OSError:
                pass
            return sent

        hop = self.scripted(endless, "http")
        with omnilink.service(hop) as service:
            before = service.resident_kib()
            with self.assertRaises(omnilink.refused):
                omnilink.socks5(service.address, "name.test", 80)
            self.assertEqual(service.access()["verdict"], "oversized")
            self.assertLess(hop.record(), KERNEL_BUFFERS)
            self.assertLess(service.resident_kib() - before, 4096)

    def test_C3_the_limits_count_with_the_end_in_the_same_segment(self):
        for reply in (b"HTTP/1.1 200 OK\r\nA: " + b"a" * 17 * 1024 + b"\r\n\r\n",
                      b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n"):
            with self.subTest(len(reply)):
                self.verdict(self.scripted(hops.says(reply, hops.hold), "http"), rep=1, status=502, code="oversized")

    def test_C3_endless_1xx_is_cut_off(self):
        def endless(connection):
            connection.recv(1000)
            try:
                while True:
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
            except OSError:
                return None

        with omnilink.service(self.scripted(endless, "http")) as service:
            with self.assertRaises(omnilink.refused):
                omnilink.socks5(service.address, "name.test", 80)


class untrusted(hostile_test):
    def stunnel(self, names):
        return SERVERS.stunnel(SERVERS.microsocks(), names)

    def test_C10_the_authority_is_unknown(self):
        hop = self.stunnel(("hop.test",))
        self.verdict(hop.url.replace(f"ca={SERVERS.authority().ca}&", ""), rep=1, status=502, code="tls_untrusted",
                     step="tls")

    def test_C10_the_certificate_is_for_another_name(self):
        hop = self.stunnel(("other.test",))
        self.verdict(hop.url.replace("sni=other.test", "sni=hop.test"), rep=1, status=502, code="tls_wrong_name",
                     step="tls")

    def test_the_url_gives_the_name(self):
        hop = self.stunnel(("hop.test",))
        url = hop.url.replace(world.FAR4, "hop.test").replace("&sni=hop.test", "")
        with omnilink.service(url) as service:
            omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("echo")).close()

    def test_an_address_in_the_certificate(self):
        hop = self.stunnel((world.FAR4,))
        with omnilink.service(hop.url.replace(f"&sni={world.FAR4}", "")) as service:
            omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("echo")).close()

    def test_a_hop_that_does_not_speak_tls(self):
        plain = self.scripted(hops.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "https")
        self.verdict(plain, rep=1, status=502, code="tls_failed", step="tls")

    def test_B5_a_tls_stream_that_is_cut_off_is_a_reset(self):
        certificate, key = SERVERS.authority().certificate(["hop.test"])

        def cut_off(connection):
            connection.sendall(b"half an ans")
            # Below TLS: a FIN without close_notify.
            raw = socket.socket(fileno=connection.detach())
            raw.shutdown(socket.SHUT_RDWR)
            raw.close()

        hop = self.scripted(hops.over_tls(certificate, key, hops.http_yes_then(cut_off)), "https",
                            f"?ca={SERVERS.authority().ca}&sni=hop.test")
        with omnilink.service(hop) as service, omnilink.socks5(service.address, "name.test", 80) as connection:
            with self.assertRaises(ConnectionResetError):
                while connection.recv(100):
                    pass
                self.fail("a cut-off answer looks complete")
            self.assertEqual(service.access()["verdict"], "tls_truncated")
