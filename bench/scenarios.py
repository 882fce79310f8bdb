"""Who is measured doing what: in each scenario the same way in and the same way out for all.

A target is a multiple of the floor (bench/floor) or of a peer, in the same run; see report.py.
"""

import network
import peers
from candidates import by_connect_hook, by_exec, by_interception, by_listener, floor, nobody

# What the load tool does, for as long as it is told.
WORK = {
    "connections": ["connections", "--lanes", "64"],
    "set-up": ["connections", "--lanes", "1"],
    "requests-64": ["requests", "--lanes", "64"],
    "requests-1": ["requests", "--lanes", "1"],
    "up": ["up", "--lanes", "1"],
    "down": ["down", "--lanes", "1"],
    "up-16": ["up", "--lanes", "16"],
}


class candidate:
    """`start(place)`: a context manager of its process; with `in_front`, the words of a command that runs the load tool.
    `is_peer`: not in every round. `straight`: the load goes straight to the target. `has_cpu`: CPU time of its own, apart from the load
    tool's."""

    def __init__(self, start, is_peer=True, in_front=False, straight=False, has_cpu=True):
        self.start, self.is_peer, self.in_front, self.straight, self.has_cpu = start, is_peer, in_front, straight, has_cpu


def ours(start, **more):
    return candidate(start, is_peer=False, **more)


class scenario:
    """`way_in`: socks5, http, pass, or intercepted; `hops`: what each speaks; `floor`: whom the others are compared to."""

    def __init__(self, name, title, way_in, candidates, hops=(), floor="floor", works=tuple(WORK)):
        self.name, self.title, self.way_in, self.hops, self.floor, self.works = name, title, way_in, hops, floor, works
        self.candidates = {name: one if isinstance(one, candidate) else candidate(one) for name, one in candidates.items()}

    def impossible(self):
        return network.can_redirect() if self.way_in == "intercepted" else ""

    @property
    def awake(self):
        """The load's own CPU time is no result here, and no hop needs its core."""
        return self.floor == "floor" and not self.hops

    def way(self, one, target, port):
        """The load tool's words."""
        out = ["--to", f"{network.TARGET}:{target}"]
        if one.in_front or one.straight:
            return out
        if self.way_in == "intercepted":
            return out + ["--uid", str(network.UNPRIVILEGED), "--from", network.CLIENT]
        return out + [f"--{self.way_in}", f"127.0.0.1:{port}"]


NO_PROXY = candidate(nobody, straight=True, has_cpu=False)

SCENARIOS = [
    scenario("socks5", "SOCKS5 in, straight out", "socks5", {
        "floor": ours(floor("socks5")), "omnilink": ours(by_listener("mixed")), "microsocks": peers.microsocks, "dante": peers.dante,
        "v2ray": peers.v2ray_straight("socks"), "no proxy": NO_PROXY}),
    scenario("http", "HTTP CONNECT in, straight out", "http", {
        "floor": ours(floor("http")), "omnilink": ours(by_listener("mixed")), "tinyproxy": peers.tinyproxy, "squid": peers.squid,
        "v2ray": peers.v2ray_straight("http")}),
    scenario("pass", "passed through to a fixed target", "pass", {
        "floor": ours(floor("pass")), "omnilink": ours(by_listener("tcp")), "haproxy": peers.pass_haproxy,
        "haproxy, splice": peers.pass_haproxy_splice, "nginx": peers.pass_nginx}),
    scenario("redirect", "redirected by nftables, through one SOCKS5 hop", "intercepted", {
        "floor": ours(floor("redirect")), "omnilink": ours(by_interception("redirect")), "omnilink, connect hook": ours(by_connect_hook),
        "omnilink exec": ours(by_exec, in_front=True), "redsocks": peers.redsocks, "v2ray": peers.v2ray_redirect}, hops=("socks5",)),
    scenario("tproxy", "by nftables' tproxy, through one SOCKS5 hop", "intercepted", {
        "floor": ours(floor("tproxy")), "omnilink": ours(by_interception("tproxy")), "v2ray": peers.v2ray_tproxy}, hops=("socks5",)),
    scenario("ways", "by each kind of interception, straight on", "intercepted", {
        "nobody": ours(nobody), "redirect": ours(by_interception("redirect")), "tproxy": ours(by_interception("tproxy")),
        "connect hook": ours(by_connect_hook)}, floor="nobody", works=("connections", "set-up")),
]
