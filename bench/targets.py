"""What omnilink is to cost at most, as a multiple of another candidate's cost in the same rounds; met when the interval reaches it."""

from figures import CPU_16, CPU_CONNECTION, CPU_DOWN, CPU_REQUEST, CPU_UP, SET_UP, figure, ratios

BULK = (CPU_UP, CPU_DOWN, CPU_16)


class target:
    def __init__(self, what, most, than="floor", whose="omnilink"):
        self.what, self.most, self.than, self.whose = what, most, than, whose

    def figure(self, turns):
        found = ratios(turns, self.whose, self.than, self.what)
        return figure(found) if found else None


def row(connection=None, bulk=None, request=None, set_up=None):
    """As multiples of the floor; None: no target."""
    wanted = [(CPU_CONNECTION, connection), *((what, bulk) for what in BULK), (CPU_REQUEST, request), (SET_UP, set_up)]
    return [target(what, most) for what, most in wanted if most is not None]


def no_more_than(than, whats, whose="omnilink", most=1.0):
    return [target(what, most, than, whose) for what in whats]


# With a hop that takes a handshake in one flight.
PIPELINED = [target(SET_UP, 0.9, whose="omnilink, pipelined")]
TARGETS = {
    "socks5": row(1.10, 1.05, 1.10, 1.0),
    "http": row(1.10, 1.05, 1.10, 1.0),
    "pass": row(1.05, 1.05, 1.05) + no_more_than("nginx", [CPU_CONNECTION]) + no_more_than("haproxy", [SET_UP]),
    "redirect": row(1.05, 1.05, 1.05) + PIPELINED
                + no_more_than("omnilink", [CPU_CONNECTION, *BULK, CPU_REQUEST, SET_UP], "omnilink, connect hook"),
    "tproxy": row(1.05, 1.05, 1.05) + PIPELINED,
    "chain": row(1.10, 1.05, 1.05, 1.0),
    "tls": no_more_than("nginx", [CPU_CONNECTION], most=0.95) + row(bulk=1.0, request=1.0) + no_more_than("nginx", [SET_UP]),
    "tls-full": no_more_than("nginx", [CPU_CONNECTION, SET_UP]),
}
# System calls of omnilink: {(scenario, work): at most}.
SYSCALLS = {("socks5", "connections"): 28, ("pass", "connections"): 18, ("socks5", "requests-64"): 4.5}
# CPU time per connection with much else open or remembered, as a multiple of that without.
FLAT = 1.10
# Per idle connection: what, its unit, at most.
IDLE_TARGETS = {
    name: [("user", "KiB of user memory", most), ("descriptors", "descriptors", 2.0), ("threads", "threads", 0.0)]
    for name, most in (("socks5", 1.5), ("pass", 1.5), ("tls", 20.0))
}
GIVEN_BACK = 0.9  # of what they held, some seconds after all have closed
