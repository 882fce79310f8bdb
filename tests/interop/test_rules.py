"""Rules choose the way of each connection: direct, a chain, nowhere; and what a reload makes of them."""

import contextlib
import functools
import json
import os
import re
import subprocess
import time
import unittest

import hops
import omnilink
import origin
import servers
import web
import world

PRESETS = ("release", "asan")

RULES = """
[[hop]]
name = "hop"
url = "{hop}"
[[chain]]
name = "out"
hops = ["hop"]
[[chain]]
name = "none"
hops = ["reject"]
[[rule]]
name = "no-v6"
match = {{ host = ["origin6.test"], port = "1-65535" }}
action = "reject"
[[rule]]
name = "own-network"
match = {{ port = {greet}, cidr = "203.0.113.0/24" }}
action = "direct"
[[rule]]
name = "moved"
match = {{ port = 80 }}
action = "redirect::{echo}"
[[rule]]
action = "chain:out"
"""


# The name of origin.test is known to the hop only, and no rule lets blocked.test pass.
SNIFFING = """
[[hop]]
name = "hop"
url = "{hop}"
[[chain]]
name = "out"
hops = ["hop"]
[[callout]]
name = "names"
kind = "sniff"
wait = "{wait}"
[[rule]]
name = "no-names"
match = {{ host = ["blocked.test", "elsewhere.test"] }}
action = "reject"
[[rule]]
name = "names"
action = "callout:names"
[[rule]]
name = "all"
action = "chain:out"
"""

LOOKING = """
[[callout]]
name = "mark"
kind = "tag"
tag = "greeted"
[[callout]]
name = "note"
kind = "log"
level = "warn"
text = "someone was greeted"
[[callout]]
name = "slow"
kind = "limit"
by = "listener"
bytes_per_second = "1MiB"
[[callout]]
name = "few"
kind = "limit"
by = ["local_address", "remote_port"]
connections_per_second = 3
[[rule]]
name = "mark"
match = {{ port = {greet} }}
action = "callout:mark"
[[rule]]
name = "few"
match = {{ port = {count} }}
action = "callout:few"
[[rule]]
name = "slow"
match = {{ port = [{download}, {web}] }}
action = "callout:slow"
[[rule]]
name = "all"
action = "direct"
[[filter]]
name = "noted"
layer = ["flow_established", "flow_closed"]
match = {{ tag = "greeted" }}
action = "callout:note"
"""


def setUpModule():
    global ORIGIN, HOP, SERVERS, MICROSOCKS, WEB
    world.enter()
    ORIGIN = origin.origin()
    HOP = hops.scripted(ORIGIN, record_request)
    unittest.addModuleCleanup(ORIGIN.__exit__)
    SERVERS = servers.servers()
    unittest.addModuleCleanup(SERVERS.__exit__)
    MICROSOCKS = SERVERS.microsocks()
    SERVERS.file("hello", "hello\n")
    ORIGIN.serve("web", web.files(SERVERS.folder))
    identity = SERVERS.authority().certificate(["origin.test", "blocked.test", world.ORIGIN4])
    ORIGIN.serve("https", hops.over_tls(*identity, web.files(SERVERS.folder)))
    for name in ("http-one", "http-two"):
        ORIGIN.serve(name, serve_http)


def record_request(connection):
    """A hop that says what it was asked for, to both sides."""
    asked = hops.take_socks5_request(connection)
    connection.sendall(hops.SOCKS5_YES + b"the hop\n")
    return asked


class rules(unittest.TestCase):
    def text(self):
        return RULES.format(hop=HOP.url, greet=ORIGIN.port("greet"), echo=ORIGIN.port("echo"))

    def line(self, service, index):
        line = service.access(index, index + 1)
        return line["rule"], line["chain"], line["verdict"]

    def test_each_connection_goes_its_way(self):
        with omnilink.service(more=self.text()) as service:
            with omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("greet")) as greeted:
                self.assertEqual(origin.read_line(greeted), "220 origin ready")
            self.assertEqual(self.line(service, 0), ("own-network", "direct", "ok"))
            for ask, answer in ((omnilink.socks5, 2), (omnilink.http_connect, 403)):
                with self.assertRaises(omnilink.refused) as no:
                    ask(service.address, "ORIGIN6.test.", ORIGIN.port("greet"))
                self.assertEqual(no.exception.reply, answer)
            self.assertEqual(self.line(service, 2), ("no-v6", "reject", "rejected"))
            with omnilink.socks5(service.address, "nobody-else-knows.test", 80) as tunnel:
                self.assertEqual(origin.read_line(tunnel), "the hop")
            self.assertEqual(HOP.record(), ("nobody-else-knows.test", ORIGIN.port("echo")))
            self.assertEqual(self.line(service, 3), ("moved, rule 4", "out", "ok"))
            self.assertEqual(service.access(3)["destination"], "nobody-else-knows.test:80")

    def test_a_reload_with_a_wrong_rule_changes_nothing(self):
        with omnilink.service(more=self.text()) as service:
            path = os.path.join(service.folder, "omnilink.toml")
            with open(path) as file:
                good = file.read()
            ask = functools.partial(omnilink.run, "reload", "--socket", os.path.join(service.folder, "admin.sock"))
            world.write(path, good.replace('action = "direct"', 'action = "chain:outt"'))
            refused = ask()
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn('rule "own-network": there is no chain "outt"; did you mean "out"?', refused.stderr)
            omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("greet")).close()
            world.write(path, good.replace('action = "direct"', 'action = "chain:none"'))
            self.assertEqual(ask().returncode, 0)
            with self.assertRaises(omnilink.refused):
                omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("greet"))


class sniffing(unittest.TestCase):
    """A client that asks for an address, and says a name in its first bytes."""

    def service(self, wait="10s", **options):
        return omnilink.service(more=SNIFFING.format(hop=MICROSOCKS.url, wait=wait), **options)

    def curl(self, url, *words):
        command = ["curl", "-sS", "--max-time", "50", "--noproxy", "none", "--cacert", SERVERS.authority().ca, *words, url]
        return subprocess.run(command, capture_output=True, text=True)

    def through(self, service, name, scheme="https", port="https"):
        """curl resolves the name itself, so that omnilink is asked for an address."""
        port = ORIGIN.port(port)
        return self.curl(f"{scheme}://{name}:{port}/hello", "--resolve", f"{name}:{port}:{world.ORIGIN4}",
                         "--socks5", f"127.0.0.1:{service.address[1]}")

    def asked(self, service, index):
        """What the hop was asked for last, and the access line of it."""
        line = service.access(index, index + 1)
        last = [one for one in MICROSOCKS.output().splitlines() if "connected to" in one][-1]
        return last.rpartition("connected to ")[2].rpartition(":")[0], line

    def test_A7_the_last_hop_is_asked_for_the_name_that_the_client_says(self):
        with self.service() as service:
            for index, (scheme, port) in enumerate((("https", "https"), ("http", "web"))):
                done = self.through(service, "origin.test", scheme, port)
                self.assertEqual((done.stdout, done.returncode), ("hello\n", 0), done.stderr)
                host, line = self.asked(service, index)
                self.assertEqual(host, "origin.test")
                self.assertEqual(line["destination"], f"{world.ORIGIN4}:{ORIGIN.port(port)}")
                self.assertEqual((line["sniffed"], line["rule"], line["verdict"]), ("origin.test", "all", "ok"))

    def test_A7_a_name_that_the_rules_would_not_let_pass_changes_nothing(self):
        with self.service() as service:
            done = self.through(service, "blocked.test")
            self.assertEqual((done.stdout, done.returncode), ("hello\n", 0), done.stderr)
            host, line = self.asked(service, 0)
            self.assertEqual(host, world.ORIGIN4, "asked for by address, allowed by address, and so it goes there")
            self.assertEqual((line["sniffed"], line["rule"], line["verdict"]), ("blocked.test", "all", "ok"))
            with self.assertRaises(omnilink.refused):
                omnilink.socks5(service.address, "blocked.test", ORIGIN.port("https"))

    def test_A7_without_a_name_the_address_stays(self):
        with self.service() as service:
            done = self.curl(f"https://{world.ORIGIN4}:{ORIGIN.port('https')}/hello", "--socks5", f"127.0.0.1:{service.address[1]}")
            self.assertEqual((done.stdout, done.returncode), ("hello\n", 0), done.stderr)
            host, line = self.asked(service, 0)
            self.assertEqual((host, line["sniffed"]), (world.ORIGIN4, ""))

    def test_a_fixed_target_is_sniffed_too(self):
        to = f"{world.ORIGIN4}:{ORIGIN.port('https')}"
        with self.service(listen=[f"tcp://127.0.0.1:0?to={to}"]) as service:
            port = service.address[1]
            done = self.curl(f"https://origin.test:{port}/hello", "--resolve", f"origin.test:{port}:127.0.0.1")
            self.assertEqual((done.stdout, done.returncode), ("hello\n", 0), done.stderr)
            self.assertEqual(self.asked(service, 0)[0], "origin.test")

    def test_a_server_that_speaks_first_is_heard_and_nothing_is_lost(self):
        with self.service(wait="50ms") as service:
            with omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("greet")) as greeted:
                self.assertEqual(origin.read_line(greeted), "220 origin ready")
            with omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("echo")) as echoed:
                echoed.sendall(b"G")  # the beginning of a request that never comes
                self.assertEqual(omnilink.read_exactly(echoed, 1), b"G")
                echoed.sendall(b"o")
                self.assertEqual(omnilink.read_exactly(echoed, 1), b"o")

    def test_a_client_that_goes_away_meanwhile_reaches_nobody(self):
        with self.service() as service:
            silent = omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("greet"))
            origin.reset(silent)
            line = service.access()
            self.assertEqual((line["verdict"], line["step"]), ("reset", "accept"))


class looking(unittest.TestCase):
    def service(self):
        return omnilink.service(more=LOOKING.format(**{name: ORIGIN.port(name) for name in ("greet", "count", "download", "web")}))

    def lines(self, service, event):
        return [line for line in map(json.loads, filter(lambda line: line.startswith("{"), service.lines)) if line["event"] == event]

    def test_a_tag_is_matched_later_and_logged(self):
        with self.service() as service:
            for index in range(3):
                with omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("greet")) as greeted:
                    self.assertEqual(origin.read_line(greeted), "220 origin ready")
                line = service.access(index, index + 1)
                self.assertEqual((line["tags"], line["rule"]), ("greeted", "all"))
            with omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("echo")):
                pass
            self.assertEqual(service.access(3, 4)["tags"], "")
            noted = self.lines(service, "callout-log")
            self.assertEqual([line["layer"] for line in noted][:1], ["flow_established"])
            self.assertEqual({(line["level"], line["text"], line["rule"], line["source"], line["tags"]) for line in noted},
                             {("warn", "someone was greeted", "noted", "127.0.0.1", "greeted")})

    def test_limits_are_kept(self):
        with self.service() as service:
            answers = []
            for _ in range(8):
                try:
                    omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("count")).close()
                    answers.append(0)
                except omnilink.refused as no:
                    answers.append(no.reply)
            self.assertEqual(answers[:3], [0, 0, 0])
            self.assertIn(2, answers)
            begun = time.monotonic()
            with omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("download")) as slow:
                slow.sendall(b"600000\n")
                self.assertEqual(origin.read_all(slow), (600000, origin.digest_of(600000)))
            self.assertGreater(time.monotonic() - begun, 0.3, "600 kB, of which 256 KiB are a burst, at 1 MiB a second")
            SERVERS.file("much", "m" * 600000)
            begun = time.monotonic()
            got = subprocess.run(["curl", "-sS", "--max-time", "50", "--proxy", f"http://127.0.0.1:{service.address[1]}",
                                  f"http://{world.ORIGIN4}:{ORIGIN.port('web')}/much"], capture_output=True, text=True)
            self.assertEqual((got.stdout, got.returncode), ("m" * 600000, 0), got.stderr)
            self.assertGreater(time.monotonic() - begun, 0.3, "a plain request, message by message")
            explained = omnilink.run("explain", "--socket", os.path.join(service.folder, "admin.sock"), "--from", "127.0.0.2",
                                     f"{world.ORIGIN4}:{ORIGIN.port('count')}")
            self.assertEqual(explained.returncode, 0, explained.stdout)
            self.assertIn("limit: 3 connections a second for each local_address and remote_port", explained.stdout)


def serve_http(connection):
    """Says which of its connections it is, as often as it is asked."""
    with contextlib.suppress(OSError, ValueError):
        while omnilink.read_http_head(connection).endswith(b"\r\n\r\n"):
            body = str(connection.getpeername()[1]).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


class http_clients(unittest.TestCase):
    """One connection of a client, request by request, while the rules change."""

    def rules(self, one, two):
        return "".join(f"[[rule]]\nmatch = {{ port = {ORIGIN.port(name)} }}\n{what}\n" for name, what in (("http-one", one), ("http-two", two)))

    def change(self, service, *rules):
        path = os.path.join(service.folder, "omnilink.toml")
        with open(path) as file:
            before = file.read()
        world.write(path, before[:before.index("[[rule]]")] + self.rules(*rules))
        service.admin("reload")

    def get(self, client, name):
        host = f"{world.ORIGIN4}:{ORIGIN.port(name)}"
        client.sendall(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        head = omnilink.read_http_head(client).decode()
        size = int(re.search("(?i)content-length: ([0-9]+)", head)[1])
        return int(head.split()[1]), omnilink.read_exactly(client, size)

    def test_each_request_to_another_origin_is_ruled_by_what_is_in_force(self):
        direct, reject = 'action = "direct"', 'action = "reject"'
        with omnilink.service(more=self.rules(direct, direct)) as service, omnilink.connect(service.address) as client:
            first = self.get(client, "http-one")
            self.assertEqual(first[0], 200)
            self.change(service, reject, reject)
            self.assertEqual(self.get(client, "http-one"), first, "on_change is keep")
            self.assertEqual(self.get(client, "http-two")[0], 403)

    def test_who_waits_for_nothing_but_a_request_drains_at_once(self):
        for word in ("drain", "close"):
            let_go = f'action = "direct"\non_change = "{word}"'
            with self.subTest(word), omnilink.service(more=self.rules(let_go, let_go)) as service, omnilink.connect(service.address) as client:
                self.assertEqual(self.get(client, "http-one")[0], 200)
                self.change(service, 'name = "no"\naction = "reject"', let_go)
                self.assertEqual(client.recv(1), b"")
                line = service.access()
                self.assertEqual((line["verdict"], line["rule"]), ("rules_changed", "rule 1"))
                self.assertIn(f'{word}, since it would be rejected by "no" now', line["detail"])


if __name__ == "__main__":
    unittest.main()
