"""TLS to a hop, against openssl s_server, stunnel and Python's ssl: what is refused and what is said of it, client
certificates, resumption, and the stream inside with ends, alerts and key updates."""

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import hops
import omnilink
import origin
import servers
import world

PRESETS = ("release", "asan")
MIB = 1 << 20
V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
# What OpenSSL takes to offer at all what we refuse.
WEAK = "@SECLEVEL=0"


def setUpModule():
    global SERVERS, ORIGIN, CA, GOOD, OTHER
    world.enter()
    SERVERS, ORIGIN = servers.servers(), origin.origin()
    unittest.addModuleCleanup(SERVERS.__exit__, None, None, None)
    unittest.addModuleCleanup(ORIGIN.__exit__)
    CA = SERVERS.authority()
    GOOD = CA.certificate(["hop.test"])
    OTHER = servers.authority(SERVERS.folder, "another authority")


def python_hop(behaviour, newest=V1_3, query="", context=None, piece=MIB):
    """An https hop that is its own target, with TLS by hand."""
    context = context or hops.tls_server(*GOOD, newest)
    return hops.scripted(ORIGIN, hops.by_hand(context, hops.http_yes_then(behaviour), piece), "https",
                         f"?ca={CA.ca}&sni=hop.test{query}")


def spki_pin(certificate):
    command = f"openssl x509 -in {certificate} -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64"
    return "sha256/" + subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout.strip()


def client_words(identity):
    os.chmod(identity[1], 0o600)
    return f"&cert={identity[0]}&key={identity[1]}"


class refused(unittest.TestCase):
    """The client is told that the hop failed; the access line says at which step, with which code, and why."""

    def expect(self, hop, code, *parts, step="tls"):
        with omnilink.service(hop) as service:
            with self.assertRaises(omnilink.refused) as said:
                omnilink.socks5(service.address, "name.test", 80)
            self.assertEqual(said.exception.reply, 1)
            line = service.access()
        self.assertEqual((line["verdict"], line["step"]), (code, step), line)
        for part in parts:
            self.assertIn(part, line["detail"])

    def presented(self, identity, code, *parts, words=(), sni="hop.test", query=""):
        hop = SERVERS.s_server(identity, *words, sni=sni)
        self.expect(hop.url + query, code, *parts)

    def test_C10_expired(self):
        self.presented(CA.certificate(["hop.test"], days=(-3, -1)), "tls_untrusted", "certificate has expired", "CN=hop.test",
                       "was valid until")

    def test_C10_not_yet_valid(self):
        self.presented(CA.certificate(["hop.test"], days=(1, 3)), "tls_untrusted", "not yet valid", "is valid from")

    def test_C10_another_name(self):
        self.presented(CA.certificate(["other.test"]), "tls_wrong_name", 'it is for "other.test"')

    def test_C10_another_address(self):
        self.presented(CA.certificate([world.ORIGIN4]), "tls_wrong_name", f"it is for {world.ORIGIN4}", sni="")

    def test_C10_a_name_in_the_common_name_only(self):
        self.presented(CA.certificate([], name="hop.test"), "tls_wrong_name", "a common name does not count")

    def test_C10_self_signed(self):
        self.presented(CA.self_signed(["hop.test"]), "tls_untrusted", "self-signed certificate", "CN=hop.test")

    def test_C10_an_unknown_authority(self):
        self.presented(OTHER.certificate(["hop.test"]), "tls_untrusted", 'issuer "CN=another authority" is not trusted here')

    def test_C10_an_unknown_authority_that_shows_itself(self):
        self.presented(OTHER.certificate(["hop.test"]), "tls_untrusted", 'the authority "CN=another authority" is not trusted',
                       words=("-cert_chain", OTHER.ca))

    def test_C10_an_intermediate_is_missing(self):
        between = CA.certificate([], name="between", extensions=servers.A_CA)
        self.presented(CA.certificate(["hop.test"], by=between), "tls_untrusted", 'issuer "CN=between" is not trusted here')

    def test_C10_an_intermediate_that_is_no_authority(self):
        between = CA.certificate(["between.test"], name="between", extensions="basicConstraints=critical,CA:FALSE")
        self.presented(CA.certificate(["hop.test"], by=between), "tls_untrusted", "invalid CA certificate",
                       '"CN=between" may not issue certificates', words=("-cert_chain", between[0]))

    def test_C10_for_clients_only(self):
        self.presented(CA.certificate(["hop.test"], extensions="extendedKeyUsage=clientAuth"), "tls_untrusted", "purpose",
                       "is not for servers")

    def test_C10_a_weak_key(self):
        self.presented(CA.certificate(["hop.test"], key=("-newkey", "rsa:1024")), "tls_untrusted", "key too weak", "has 1024 bits",
                       words=("-cipher", f"ALL:{WEAK}"))

    def test_C10_a_sha1_signature(self):
        self.presented(CA.certificate(["hop.test"], digest="sha1"), "tls_untrusted", "too weak", "SHA1",
                       words=("-cipher", f"ALL:{WEAK}"))

    def test_C10_another_key_than_the_pinned(self):
        pinned = spki_pin(OTHER.certificate(["hop.test"])[0])
        self.presented(GOOD, "tls_wrong_pin", spki_pin(GOOD[0]), query=f"&pin={pinned}")

    def test_nothing_newer_than_tls_1_1(self):
        self.presented(GOOD, "tls_failed", "does not speak TLS 1.2 or newer", words=("-tls1_1", "-cipher", f"ALL:{WEAK}"))

    def test_nothing_newer_than_tls_1_2_where_1_3_is_demanded(self):
        self.presented(GOOD, "tls_failed", "does not speak TLS 1.3", words=("-tls1_2",), query="&min_version=1.3")

    def test_no_cipher_in_common(self):
        self.presented(GOOD, "tls_failed", "no cipher in common", words=("-tls1_2", "-cipher", f"aNULL:{WEAK}"))

    def test_no_alpn_in_common(self):
        self.presented(GOOD, "tls_failed", "none of the protocols in alpn", words=("-alpn", "other"))

    def test_plain_http(self):
        hop = hops.scripted(ORIGIN, hops.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "https")
        self.expect(hop, "tls_failed", "what the peer sends is not TLS")

    def test_cut_off_in_the_handshake(self):
        self.expect(hops.scripted(ORIGIN, lambda connection: connection.recv(4096), "https"), "closed_early")

    def test_a_client_certificate_is_demanded_and_there_is_none(self):
        demand = ("-Verify", "1", "-verify_return_error", "-CAfile", CA.ca)
        self.presented(GOOD, "tls_failed", "demands a client certificate", words=(*demand, "-tls1_2"))
        # In TLS 1.3 the handshake is over for us when the server looks for it.
        hop = SERVERS.s_server(GOOD, *demand)
        self.expect(hop, "tls_failed", "certificate required: the peer demands a client certificate", step="request")

    def test_a_client_certificate_that_is_not_accepted(self):
        demand = ("-Verify", "1", "-verify_return_error", "-CAfile", CA.ca)
        words = client_words(OTHER.certificate(["client"]))
        self.presented(GOOD, "tls_failed", "does not accept our certificate", words=(*demand, "-tls1_2"), query=words)
        hop = SERVERS.s_server(GOOD, *demand)
        self.expect(hop.url + words, "tls_failed", "does not accept our certificate", step="request")


class accepted(unittest.TestCase):
    def through(self, hop):
        with omnilink.service(hop) as service:
            with omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("echo")) as connection:
                connection.sendall(b"there and back")
                self.assertEqual(omnilink.read_exactly(connection, 14), b"there and back")

    def test_a_chain_with_an_intermediate(self):
        between = CA.certificate([], name="between", extensions=servers.A_CA)
        leaf, key = CA.certificate(["hop.test"], by=between)
        with open(leaf, "a") as out, open(between[0]) as issuer:
            out.write(issuer.read())
        self.through(SERVERS.stunnel(SERVERS.microsocks(), identity=(leaf, key)))

    def test_a_client_certificate_with_its_chain(self):
        between = CA.certificate([], name="between", extensions=servers.A_CA)
        leaf, key = CA.certificate(["client"], by=between)
        with open(leaf, "a") as out, open(between[0]) as issuer:
            out.write(issuer.read())
        for version in ("TLSv1.2", "TLSv1.3"):
            with self.subTest(version):
                hop = SERVERS.stunnel(SERVERS.microsocks(),
                                      more=f"verifyChain = yes\nCAfile = {CA.ca}\nsslVersion = {version}")
                self.through(hop.url + client_words((leaf, key)))

    def test_one_of_two_pins(self):
        hop = SERVERS.stunnel(SERVERS.tinyproxy(), identity=GOOD)
        self.through(f"{hop.url}&pin={spki_pin(OTHER.certificate(['hop.test'])[0])},{spki_pin(GOOD[0])}&min_version=1.3")

    def test_what_the_hop_is_told(self):
        context, told = hops.tls_server(*GOOD), []
        context.sni_callback = lambda engine, name, _: told.append(name)
        context.set_alpn_protocols(["other", "http/1.1"])

        def look(end):
            told.append(end.engine.selected_alpn_protocol())

        for query in ("", "&alpn=other"):
            with omnilink.service(python_hop(look, context=context, query=query)) as service:
                omnilink.socks5(service.address, "name.test", 80).close()
                service.access()
        self.assertEqual(told, ["hop.test", "http/1.1", "hop.test", "other"])


class resumed(unittest.TestCase):
    def visits(self, service, count):
        """So many connections at once, each read to its end."""
        all_of_them = [omnilink.connect(service.address) for _ in range(count)]
        for one in all_of_them:
            one.sendall(b"\x05\x01\x00" + omnilink.socks5_request("name.test", 80))
        for one in all_of_them:
            with one:
                self.assertEqual(omnilink.read_exactly(one, 2), b"\x05\x00")
                self.assertEqual(omnilink.read_socks5_reply(one), 0)
                self.assertEqual(origin.read_all(one)[0], 2)

    def test_the_second_connection_and_eight_at_once(self):
        for newest in (V1_2, V1_3):
            with self.subTest(newest):
                seen = []

                def greet(end):
                    seen.append(end.engine.session_reused)
                    end.sendall(b"hi")
                    end.end()
                    end.recv(1)

                with omnilink.service(python_hop(greet, newest)) as service:
                    self.visits(service, 1)
                    self.visits(service, 1)
                    # Of TLS 1.3 each ticket counts once, and a full handshake brings two.
                    self.visits(service, 8)
                    self.visits(service, 8)
                self.assertEqual(seen[:2] + seen[10:], [False] + [True] * 9)

    def test_not_where_the_server_has_another_ticket_key(self):
        seen, contexts = [], [hops.tls_server(*GOOD), hops.tls_server(*GOOD)]

        def greet(end):
            seen.append(end.engine.session_reused)
            end.sendall(b"hi")
            end.end()
            end.recv(1)

        whole = hops.http_yes_then(greet)
        hop = hops.scripted(ORIGIN, lambda connection: whole(hops.tls_by_hand(connection, contexts[0])), "https",
                            f"?ca={CA.ca}&sni=hop.test")
        with omnilink.service(hop) as service:
            self.visits(service, 1)
            self.visits(service, 1)
            contexts.pop(0)
            self.visits(service, 1)
            self.visits(service, 1)
        self.assertEqual(seen, [False, True, False, True])


class stream(unittest.TestCase):
    def setUp(self):
        ORIGIN.records.clear()

    def connected(self, hop):
        service = omnilink.service(hop)
        self.addCleanup(service.__exit__, None)
        connection = omnilink.socks5(service.address, "name.test", 80)
        self.addCleanup(connection.close)
        return service, connection

    def test_B4_the_client_ends_first(self):
        for newest in (V1_2, V1_3):
            with self.subTest(newest):
                def answer_behind_the_end(end):
                    taken = origin.read_all(end)
                    end.connection.setblocking(False)
                    with self.assertRaises(BlockingIOError):
                        end.connection.recv(1)  # close_notify came without FIN
                    end.connection.setblocking(True)
                    origin.send_bytes(end, 4 * MIB)
                    end.end()
                    return taken

                hop = python_hop(answer_behind_the_end, newest)
                service, connection = self.connected(hop)
                origin.send_bytes(connection, MIB)
                connection.shutdown(socket.SHUT_WR)
                self.assertEqual(origin.read_all(connection), (4 * MIB, origin.digest_of(4 * MIB)))
                self.assertEqual(hop.record(), (MIB, origin.digest_of(MIB)))
                self.assertEqual(service.access()["verdict"], "ok")

    def test_B4_the_hop_ends_first(self):
        for newest in (V1_2, V1_3):
            with self.subTest(newest):
                def listen_behind_the_end(end):
                    end.sendall(b"bye")
                    end.end()
                    return origin.read_all(end)

                hop = python_hop(listen_behind_the_end, newest)
                service, connection = self.connected(hop)
                self.assertEqual(origin.read_all(connection)[0], 3)
                origin.send_bytes(connection, MIB)
                connection.shutdown(socket.SHUT_WR)
                self.assertEqual(hop.record(), (MIB, origin.digest_of(MIB)))
                self.assertEqual(service.access()["verdict"], "ok")

    def test_B5_an_end_that_is_never_answered_holds_nothing(self):
        done = threading.Event()

        def end_and_stay(end):
            end.end()
            done.wait(30)

        service, connection = self.connected(python_hop(end_and_stay))
        self.assertEqual(connection.recv(1), b"")
        connection.shutdown(socket.SHUT_WR)
        self.assertEqual(service.access()["verdict"], "ok")
        done.set()

    def expect_reset(self, service, connection, code, part=""):
        with self.assertRaises(ConnectionResetError):
            while connection.recv(65536):
                pass
            self.fail("an end instead of a reset")
        line = service.access()
        self.assertEqual((line["verdict"], line["step"]), (code, "relay"), line)
        self.assertIn(part, line["detail"])

    def test_B5_cut_off_in_the_middle_of_a_record(self):
        def half_a_record(end):
            end.engine.write(b"a whole sentence")
            end.connection.sendall(end.outgoing.read()[:-3])

        self.expect_reset(*self.connected(python_hop(half_a_record)), "tls_truncated")

    def test_an_alert_in_the_stream(self):
        def alert(end):
            end.sendall(b"so far")
            end.incoming.write(b"\x17\x03\x03\x00\x20" + bytes(32))  # no record of ours: the engine answers bad_record_mac
            end.recv(1)

        service, connection = self.connected(python_hop(alert))
        self.assertEqual(omnilink.read_exactly(connection, 6), b"so far")
        self.expect_reset(service, connection, "tls_failed", "bad record mac")

    def test_something_else_in_the_stream(self):
        def plain(end):
            end.connection.sendall(b"HTTP/1.1 500 Internal Server Error\r\n\r\n")
            origin.read_all(end.connection)

        self.expect_reset(*self.connected(python_hop(plain)), "tls_failed", "what the peer sends is not TLS")

    def test_C1_one_byte_at_a_time(self):
        for newest in (V1_2, V1_3):
            with self.subTest(newest):
                def dribble(end):
                    origin.send_bytes(end, 20_000)
                    end.end()
                    return origin.read_all(end)

                hop = python_hop(dribble, newest, piece=1)
                _, connection = self.connected(hop)
                self.assertEqual(origin.read_all(connection), (20_000, origin.digest_of(20_000)))
                origin.send_bytes(connection, 20_000)
                connection.shutdown(socket.SHUT_WR)
                self.assertEqual(hop.record(), (20_000, origin.digest_of(20_000)))

    def typed(self, *words):
        """s_server as a hop: what is typed there goes to the client."""
        hop = SERVERS.s_server(GOOD, *words, typed=True)

        def type_in(text):
            hop.process.stdin.write(text)
            hop.process.stdin.flush()

        service = omnilink.service(hop)
        self.addCleanup(service.__exit__, None)
        connection = omnilink.connect(service.address)
        self.addCleanup(connection.close)
        connection.sendall(b"\x05\x01\x00" + omnilink.socks5_request("name.test", 80))
        omnilink.wait_until(lambda: "CONNECT name.test:80" in hop.output(), "the hop has the request")
        type_in(b"HTTP/1.1 200 OK\n\n")
        self.assertEqual(omnilink.read_exactly(connection, 2), b"\x05\x00")
        self.assertEqual(omnilink.read_socks5_reply(connection), 0)
        return hop, service, connection, type_in

    def test_key_updates(self):
        hop, _, connection, type_in = self.typed("-msg")

        def log():
            with open(hop.log, errors="replace") as text:
                return text.read()

        # k: the server takes a new key; K: and wants a new one of ours, which comes with the next bytes.
        for command, sent, updates in ((b"k\n", 1, 1), (b"K\n", 2, 3), (b"k\n", 4, 4)):
            type_in(command)
            omnilink.wait_until(lambda: log().count("KeyUpdate") == sent, "the command is taken")
            type_in(b"down\n")
            self.assertEqual(omnilink.read_exactly(connection, 6), b"down\r\n")
            connection.sendall(f"up after {updates}\n".encode())
            omnilink.wait_until(lambda: f"up after {updates}" in log() and log().count("KeyUpdate") == updates,
                                "the hop has what came behind the key update")

    def test_renegotiation_is_refused(self):
        _, service, connection, type_in = self.typed("-tls1_2")
        type_in(b"r\n")
        self.expect_reset(service, connection, "tls_failed")


class checked(unittest.TestCase):
    """What `omnilink check` says of a hop's files: one line with hop and file."""

    def check(self, tls, code):
        path = SERVERS.file("checked.toml", 'version = 1\n[[hop]]\nname = "edge"\nurl = "https://h"\n'
                            f'tls = {{ {tls} }}\n[[chain]]\nname = "out"\nhops = ["edge"]\n', 0o600)
        done = omnilink.run("check", "-c", path)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def expect(self, cert, key, part, code=78):
        said = self.check(f'cert = "{cert}", key = "{key}"', code)
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertIn('hop "edge": ', said)
        self.assertIn(part, said)

    def test_files_of_a_client_certificate(self):
        # Short paths: what a message quotes is cut.
        folder = tempfile.mkdtemp(dir="/run")
        cert, key, other, rsa, text, locked = (os.path.join(folder, name) for name in "ckortl")
        for (made, made_key), to in ((CA.certificate(["client"]), key), (CA.certificate(["client"]), other),
                                     (CA.certificate(["client"], key=("-newkey", "rsa:2048")), rsa)):
            shutil.copy(made_key, to)
            os.chmod(to, 0o600)
            if to == key:
                shutil.copy(made, cert)
        world.write(text, "not a certificate\n")
        os.chmod(text, 0o600)
        CA.openssl("pkey", "-in", key, "-aes256", "-passout", "pass:x", "-out", locked)
        os.chmod(locked, 0o600)
        self.expect(text, key, f'cert "{text}": there is no certificate in PEM')
        self.expect(cert, text, f'key "{text}": there is no private key in PEM')
        self.expect(cert, other, f'key "{other}": it does not belong to the certificate in "{cert}"')
        self.expect(cert, rsa, f'key "{rsa}": it does not belong to the certificate in "{cert}"')
        self.expect(cert, locked, f'key "{locked}": it is encrypted')
        self.expect("/no/such", key, 'cert "/no/such": No such file')
        self.assertEqual(self.check(f'cert = "{cert}", key = "{key}"', 0), "")
        os.chmod(key, 0o640)
        self.expect(cert, key, f'key "{key}": others may read it; chmod 600 it')

    def test_an_expired_client_certificate_is_a_warning(self):
        cert, key = CA.certificate(["client"], days=(-3, -1))
        os.chmod(key, 0o600)
        self.expect(cert, key, "it was valid until", code=0)

    def test_a_ca_that_is_none(self):
        text = "/run/no-pem"
        world.write(text, "not a certificate\n")
        self.assertIn(f'hop "edge": TLS: ca "{text}": there is no certificate in PEM', self.check(f'ca = "{text}"', 78))
