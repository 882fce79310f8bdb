"""Rules choose the way of each connection: direct, a chain, nowhere; and what a reload makes of them."""

import functools
import os
import unittest

import hops
import omnilink
import origin
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


def setUpModule():
    global ORIGIN, HOP
    world.enter()
    ORIGIN = origin.origin()
    HOP = hops.scripted(ORIGIN, record_request)
    unittest.addModuleCleanup(ORIGIN.__exit__)


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


if __name__ == "__main__":
    unittest.main()
