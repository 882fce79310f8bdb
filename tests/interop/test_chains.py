"""Chains of real proxies, 0 to 3 hops, IPv4 and IPv6: 64 MiB each way arrive as they were sent; names travel as names."""

import functools
import os
import unittest

import omnilink
import origin
import servers
import world

PRESETS = ("release", "asan")
MIB = 1 << 20

# Each hop is a method of `proxies`; the last letter of a test's name is the family of every address on the way.
CHAINS = {
    "0_hops": [],
    "1_microsocks": ["microsocks"],
    "1_microsocks_with_password": ["microsocks_auth"],
    "1_dante": ["dante"],
    "1_ssh": ["ssh"],
    "1_dante_pipelined": ["dante_pipelined"],
    "2_dante_ssh_pipelined": ["dante_pipelined", "ssh_pipelined"],
    "1_dante_socks4": ["dante_socks4"],
    "1_ssh_socks4": ["ssh_socks4"],
    "1_ssh_socks4a": ["ssh_socks4a"],
    "2_socks4_tls_tinyproxy": ["dante_socks4", "tls_tinyproxy"],
    "2_tinyproxy_socks4a": ["tinyproxy", "ssh_socks4a"],
    "1_tinyproxy": ["tinyproxy"],
    "1_tinyproxy_with_password": ["tinyproxy_auth"],
    "1_squid": ["squid"],
    "1_tls_microsocks": ["tls_microsocks"],
    "1_tls_tinyproxy": ["tls_tinyproxy"],
    "2_microsocks_squid": ["microsocks", "squid"],
    "2_tls_tinyproxy_dante": ["tls_tinyproxy", "dante"],
    "2_ssh_tinyproxy": ["ssh", "tinyproxy"],
    "3_microsocks_tinyproxy_tls_tinyproxy": ["microsocks_auth", "tinyproxy_auth", "tls_tinyproxy"],
    "3_dante_squid_ssh": ["dante", "squid", "ssh"],
    "3_tls_in_tls": ["tls_tinyproxy", "tls_microsocks", "microsocks"],
}


class proxies:
    """One server of each kind and family, started when first asked for."""

    def __init__(self):
        self.servers = servers.servers()

    @functools.cache
    def hop(self, kind, family):
        return getattr(self, kind)(world.FAR4 if family == 4 else world.FAR6)

    def microsocks(self, address):
        return self.servers.microsocks(address=address)

    def microsocks_auth(self, address):
        # Each of these has a meaning in a URL and is escaped there.
        one = self.servers.microsocks("a:b", "p@ss,|/%", address=address)
        one.url = one.url.replace("a:b:p@ss,|/%", "a%3Ab:p%40ss%2C%7C%2F%25")
        return one

    def dante(self, address):
        return self.servers.danted(address)

    def ssh(self, address):
        return self.servers.ssh_dynamic(address)

    def dante_socks4(self, address):
        return as_scheme("socks4", self.hop("dante", 4))

    def dante_pipelined(self, address):
        return pipelined(self.hop("dante", 4 if address == world.FAR4 else 6))

    def ssh_pipelined(self, address):
        return pipelined(self.hop("ssh", 4 if address == world.FAR4 else 6))

    def ssh_socks4(self, address):
        return as_scheme("socks4", self.hop("ssh", 4))

    def ssh_socks4a(self, address):
        return as_scheme("socks4a", self.hop("ssh", 4))

    def tinyproxy(self, address):
        return self.servers.tinyproxy(address=address)

    def tinyproxy_auth(self, address):
        return self.servers.tinyproxy("user", "password", address=address)

    def squid(self, address):
        return self.servers.squid(address)

    def tls_microsocks(self, address):
        return self.servers.stunnel(self.hop("microsocks", 4), address=address)

    def tls_tinyproxy(self, address):
        return self.servers.stunnel(self.hop("tinyproxy_auth", 4), address=address)


def pipelined(hop):
    return hop.url + "?pipeline=true"


def as_scheme(scheme, hop):
    """The URL that speaks another dialect to a hop that knows several; the user-id proves nothing."""
    return hop.url.replace("socks5://", f"{scheme}://me@")


def setUpModule():
    global ALL, ORIGIN
    world.enter()
    ALL, ORIGIN = proxies(), origin.origin()
    unittest.addModuleCleanup(ALL.servers.__exit__, None, None, None)
    unittest.addModuleCleanup(ORIGIN.__exit__)


def upload(connection, size):
    """The digest that the origin saw."""
    connection.sendall(f"{size}\n".encode())
    origin.send_bytes(connection, size)
    return origin.read_line(connection)


def download(connection, size):
    connection.sendall(f"{size}\n".encode())
    return origin.read_all(connection)


class chains(unittest.TestCase):
    def check(self, kinds, family):
        target = world.ORIGIN4 if family == 4 else world.ORIGIN6
        # Under the sanitizers the bytes are not the question.
        size = 64 * MIB if os.environ.get("OMNILINK_PRESET", "release") == "release" else 4 * MIB
        hops = [ALL.hop(kind, family) for kind in kinds]
        with omnilink.service(*hops, address="127.0.0.1" if family == 4 else "::1") as service:
            with omnilink.socks5(service.address, target, ORIGIN.port("upload")) as up:
                self.assertEqual(upload(up, size), origin.digest_of(size))
            with omnilink.http_connect(service.address, target, ORIGIN.port("download")) as down:
                self.assertEqual(download(down, size), (size, origin.digest_of(size)))
            # The name is the last hop's to resolve; SOCKS4 has none.
            named = target if kinds and kinds[-1].endswith("socks4") else f"origin{family}.test"
            with omnilink.socks5(service.address, named, ORIGIN.port("greet")) as greeted:
                self.assertEqual(origin.read_line(greeted), "220 origin ready")
            lines = [service.access(i, count=3) for i in range(3)]
        self.assertEqual({line["verdict"] for line in lines}, {"ok"})
        of_port = {int(line["destination"].rpartition(":")[2]): line for line in lines}
        self.assertEqual(of_port[ORIGIN.port("upload")]["up"], size + len(f"{size}\n"))
        self.assertEqual(of_port[ORIGIN.port("download")]["down"], size)


def add_tests():
    for name, kinds in CHAINS.items():
        for family in (4,) if "socks4" in name else (4, 6):
            setattr(chains, f"test_{name}_ipv{family}", functools.partialmethod(chains.check, kinds, family))


add_tests()
