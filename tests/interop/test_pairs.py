"""Every proxy behind every other one: 1 MiB each way through each ordered pair of two hops arrives as it was sent.

All 36 make sense: whatever a first hop is, the second one is a TCP port to it, and no first hop is asked for UDP or BIND.
"""

import functools
import itertools
import unittest

import omnilink
import origin
import servers
import world

MIB = 1 << 20

# How each is started, once for each place: dante and tinyproxy do not connect to themselves.
KINDS = {
    "microsocks": lambda s: s.microsocks(),
    "dante": lambda s: s.danted(),
    "tinyproxy": lambda s: s.tinyproxy(),
    "squid": lambda s: s.squid(),
    "tls_microsocks": lambda s: s.stunnel(s.microsocks()),
    "ssh": lambda s: s.ssh_dynamic(),
}


def setUpModule():
    global FIRST, SECOND, ORIGIN
    world.enter()
    started, ORIGIN = servers.servers(), origin.origin()
    unittest.addModuleCleanup(started.__exit__, None, None, None)
    unittest.addModuleCleanup(ORIGIN.__exit__)
    FIRST, SECOND = ({kind: start(started) for kind, start in KINDS.items()} for _ in range(2))


class pairs(unittest.TestCase):
    def check(self, first, second):
        with omnilink.service(FIRST[first], SECOND[second]) as service:
            with omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("upload")) as up:
                up.sendall(f"{MIB}\n".encode())
                origin.send_bytes(up, MIB)
                self.assertEqual(origin.read_line(up), origin.digest_of(MIB))
            # By name: only the last hop knows it.
            with omnilink.http_connect(service.address, "origin.test", ORIGIN.port("download")) as down:
                down.sendall(f"{MIB}\n".encode())
                self.assertEqual(origin.read_all(down), (MIB, origin.digest_of(MIB)))
            lines = [service.access(i, 2) for i in range(2)]
        self.assertEqual({line["verdict"] for line in lines}, {"ok"})


def add_tests():
    for first, second in itertools.product(KINDS, KINDS):
        setattr(pairs, f"test_{first}_then_{second}", functools.partialmethod(pairs.check, first, second))


add_tests()
