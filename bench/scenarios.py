"""Who is measured doing what: in each scenario the same way in and the same way out for all.

A target is a multiple of the floor (bench/floor) or of a peer, in the same run; see report.py.
"""

import network
import peers
from candidates import by_connect_hook, by_exec, by_interception, by_listener, floor, nobody


class work:
    """The load tool's words. `beside`: so many connections are open and idle meanwhile; `flows`: as many NAT entries are there; each is
    compared to the same without. `idle`: nothing is done but to hold as many. These three are rare: not in every round."""

    def __init__(self, *words, beside=0, flows=0, idle=0):
        self.words, self.beside, self.flows, self.idle = words, beside, flows, idle
        self.is_rare = bool(beside or flows or idle)


WORK = {
    "connections": work("connections", "--lanes", "64"),
    "set-up": work("connections", "--lanes", "1"),
    "requests-64": work("requests", "--lanes", "64"),
    "requests-1": work("requests", "--lanes", "1"),
    "up": work("up", "--lanes", "1"),
    "down": work("down", "--lanes", "1"),
    "up-16": work("up", "--lanes", "16"),
    "crowded": work("connections", "--lanes", "64", beside=10_000),
    "remembering": work("connections", "--lanes", "64", flows=1_000_000),
    "idle-10000": work(idle=10_000),
    "idle-50000": work(idle=50_000),
}
LOADS = tuple(name for name, one in WORK.items() if not one.is_rare)
IDLE = tuple(name for name, one in WORK.items() if one.idle)


class candidate:
    """`start(place)`: a context manager of its process; with `in_front`, the words of a command that runs the load tool.
    `is_peer`: not omnilink, and in some rounds only unless `always`, where a target is about it. `straight`: the load
    goes straight to the target. `has_cpu`: CPU time of its own, apart from the load tool's.
    `idles`: may be asked to hold thousands of connections, which are not thousands of processes or pipes."""

    def __init__(self, start, is_peer=True, always=False, in_front=False, straight=False, has_cpu=True, on_all_cores=False, idles=True):
        self.always, self.on_all_cores, self.idles = always or not is_peer, on_all_cores, idles
        self.start, self.is_peer, self.in_front, self.straight, self.has_cpu = start, is_peer, in_front, straight, has_cpu


def ours(start, **more):
    return candidate(start, is_peer=False, **more)


class scenario:
    """`way_in`: socks5, http, pass, or intercepted; `hops`: what each speaks; `floor`: whom the others are compared to."""

    def __init__(self, name, title, way_in, candidates, hops=(), floor="floor", works=LOADS):
        self.name, self.title, self.way_in, self.hops, self.floor, self.works = name, title, way_in, hops, floor, works
        self.candidates = {name: one if isinstance(one, candidate) else candidate(one) for name, one in candidates.items()}

    def impossible(self):
        return network.can_redirect() if self.way_in == "intercepted" else ""

    @property
    def awake(self):
        """The load's own CPU time is no result here, and no hop needs its core."""
        return self.floor == "floor" and not self.hops

    def takes_part(self, name, what):
        """Whether this candidate does this kind of work."""
        one = self.candidates[name]
        if WORK[what].flows:
            return name == "omnilink"
        if WORK[what].beside:
            return not one.is_peer
        return not WORK[what].idle or one.idles and not one.in_front

    def way(self, one, target, port):
        """The load tool's words."""
        out = ["--to", f"{network.TARGET}:{target}"]
        if one.in_front or one.straight:
            return out
        if self.way_in == "intercepted":
            return out + ["--uid", str(network.UNPRIVILEGED), "--from", network.CLIENT]
        return out + [f"--{self.way_in}", f"127.0.0.1:{port}"]


NO_PROXY = candidate(nobody, straight=True, has_cpu=False)

TLS = {"floor": ours(floor("socks5")), "omnilink": ours(by_listener("mixed")), "nginx": candidate(peers.tls_nginx, always=True),
       "haproxy": peers.tls_haproxy, "stunnel4": peers.stunnel}

SCENARIOS = [
    scenario("socks5", "SOCKS5 in, straight out", "socks5", {
        "floor": ours(floor("socks5")), "omnilink": ours(by_listener("mixed")), "microsocks": peers.microsocks,
        "dante": candidate(peers.dante, idles=False), "v2ray": peers.v2ray_straight("socks"), "no proxy": NO_PROXY},
        works=LOADS + ("crowded",) + IDLE),
    scenario("http", "HTTP CONNECT in, straight out", "http", {
        "floor": ours(floor("http")), "omnilink": ours(by_listener("mixed")), "tinyproxy": peers.tinyproxy, "squid": peers.squid,
        "v2ray": peers.v2ray_straight("http")}),
    scenario("pass", "passed through to a fixed target", "pass", {
        "floor": ours(floor("pass")), "omnilink": ours(by_listener("tcp")), "haproxy": candidate(peers.pass_haproxy, always=True),
        "haproxy, splice": candidate(peers.pass_haproxy_splice, idles=False), "nginx": candidate(peers.pass_nginx, always=True),
        "no proxy": NO_PROXY}, works=LOADS + IDLE),
    scenario("redirect", "redirected by nftables, through one SOCKS5 hop", "intercepted", {
        "floor": ours(floor("redirect")), "omnilink": ours(by_interception("redirect")),
        "omnilink, pipelined": ours(by_interception("redirect", pipelined=True)), "omnilink, connect hook": ours(by_connect_hook),
        "omnilink exec": ours(by_exec, in_front=True), "redsocks": peers.redsocks, "v2ray": peers.v2ray_redirect}, hops=("socks5",),
        works=LOADS + ("remembering",)),
    scenario("tproxy", "by nftables' tproxy, through one SOCKS5 hop", "intercepted", {
        "floor": ours(floor("tproxy")), "omnilink": ours(by_interception("tproxy")),
        "omnilink, pipelined": ours(by_interception("tproxy", pipelined=True)), "v2ray": peers.v2ray_tproxy}, hops=("socks5",)),
    scenario("chain", "SOCKS5 in, three hops: SOCKS5, HTTP, SOCKS5", "socks5", {
        "floor": ours(floor("socks5")), "omnilink": ours(by_listener("mixed")), "v2ray": peers.v2ray_chain,
        "proxychains4": candidate(peers.proxychains, in_front=True, has_cpu=False)}, hops=("socks5", "http", "socks5")),
    scenario("tls", "SOCKS5 in, a SOCKS5 hop inside TLS, sessions resumed", "socks5", TLS, hops=("tls",), works=LOADS + ("idle-10000",)),
    scenario("tls-full", "the same with full handshakes", "socks5", TLS, hops=("tls-full",), works=("connections", "set-up")),
    scenario("workers", "SOCKS5 in, straight out, with one worker and with two on all cores", "socks5", {
        "one worker": ours(by_listener("mixed"), on_all_cores=True), "two workers": ours(by_listener("mixed", workers=2), on_all_cores=True)},
        floor="one worker", works=("connections", "requests-64")),
    scenario("ways", "by each kind of interception, straight on", "intercepted", {
        "nobody": ours(nobody), "redirect": ours(by_interception("redirect")), "tproxy": ours(by_interception("tproxy")),
        "connect hook": ours(by_connect_hook)}, floor="nobody", works=("connections", "set-up")),
]
