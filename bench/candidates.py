"""Who is measured: in each scenario the same way in and the same way out for all.

    s1   SOCKS5 in, straight out                                   omnilink, floor, microsocks
    s3   redirected by nftables, through one SOCKS5 hop (microsocks)   omnilink, floor, redsocks;
                                                                   and omnilink with a cgroup listener in place of the rule
    ways  by each kind of interception, straight on                omnilink as redirect, tproxy, cgroup; and nobody at all

Every candidate logs as it does by default, into a file; omnilink has one worker.
"""

import contextlib
import os
import pwd
import shutil

import network
from processes import process

OMNILINK_USER = 28524  # behind netd, where there is no account of that name

OMNILINK = """version = 1
[service]
workers = 1
[query]
socket = "{folder}/query.sock"
[admin]
socket = "{folder}/admin.sock"
"""

REDSOCKS = """base {{ log_info = on; log = "stderr"; daemon = off; redirector = iptables; }}
redsocks {{ local_ip = 127.0.0.1; local_port = {port}; ip = 127.0.0.1; port = {hop}; type = socks5; }}
"""


def program(name):
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not path:
        raise network.unavailable(f"{name} is not installed")
    return path


class place:
    """Where a candidate runs: its core, its folder, the port it listens on, the programs that were built."""

    def __init__(self, build, core, folder, hop=0):
        self.build, self.core, self.folder, self.hop = build, core, folder, hop
        self.port = network.free_port()
        self.listen = f"127.0.0.1:{self.port}"

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        network.write(path, text)
        os.chmod(path, 0o600)
        return path

    @contextlib.contextmanager
    def start(self, command):
        with process(command, self.core, os.path.join(self.folder, "log")) as running:
            network.wait_until_listens(self.port, running.alive)
            yield running


def omnilink(at, *words):
    try:
        owner = pwd.getpwnam("omnilink").pw_uid
    except KeyError:
        owner = OMNILINK_USER
    if os.getuid() == 0 and not network.can_redirect():
        os.chown(at.folder, owner, -1)  # where it makes its sockets
    config = at.file("omnilink.toml", OMNILINK.format(folder=at.folder))
    return at.start([f"{at.build}/omnilink", "run", "-c", config, *words])


@contextlib.contextmanager
def redirecting(at, command):
    """For candidates that leave the rule to others."""
    network.redirect_to(at.port)
    try:
        with at.start(command) as running:
            yield running
    finally:
        network.stop_redirecting()


def s1_omnilink(at):
    return omnilink(at, "-L", f"mixed://{at.listen}")


def s1_floor(at):
    return at.start([f"{at.build}/bench/bench_floor", "socks5", at.listen])


def s1_microsocks(at):
    return at.start([program("microsocks"), "-i", "127.0.0.1", "-p", str(at.port)])


def s3_omnilink(at):
    # Its rules are its own; no guard that outlives it.
    where = f"redirect://{at.listen}?cidr={network.TARGET}/32&uid={network.UNPRIVILEGED}&fail=open"
    return omnilink(at, "-L", where, "-F", f"socks5://127.0.0.1:{at.hop}")


@contextlib.contextmanager
def s3_omnilink_cgroup(at):
    with network.own_cgroup() as group:
        where = f"cgroup://{at.listen}?cgroup={group}&cidr={network.TARGET}/32&uid={network.UNPRIVILEGED}&fail=open"
        with omnilink(at, "-L", where, "-F", f"socks5://127.0.0.1:{at.hop}") as running:
            yield running


def s3_floor(at):
    return redirecting(at, [f"{at.build}/bench/bench_floor", "redirect", at.listen, f"127.0.0.1:{at.hop}"])


def s3_redsocks(at):
    config = at.file("redsocks.conf", REDSOCKS.format(port=at.port, hop=at.hop))
    return redirecting(at, [program("redsocks"), "-c", config])


def nobody(at):
    """A program that does nothing: the connections go straight to their target."""
    return process([program("sleep"), "infinity"], at.core, os.path.join(at.folder, "log"))


def by(kind):
    def candidate(at):
        return omnilink(at, "-L", f"{kind}://{at.listen}?cidr={network.TARGET}/32&uid={network.UNPRIVILEGED}&fail=open")
    return candidate


@contextlib.contextmanager
def by_cgroup(at):
    with network.own_cgroup() as group:
        where = f"cgroup://{at.listen}?cgroup={group}&cidr={network.TARGET}/32&uid={network.UNPRIVILEGED}&fail=open"
        with omnilink(at, "-L", where) as running:
            yield running


class scenario:
    """`hop`: there is one; `floor`: the candidate that the others are compared to."""

    def __init__(self, name, title, candidates, intercepted=False, hop=False, floor="floor", works=None):
        self.name, self.title, self.candidates, self.intercepted = name, title, candidates, intercepted
        self.hop, self.floor, self.works = hop, floor, works

    def impossible(self):
        return network.can_redirect() if self.intercepted else ""

    @property
    def awake(self):
        """The load's own CPU time is no result here, and no hop needs its core."""
        return self.floor == "floor" and not self.hop

    def measures(self, work):
        return self.works is None or work in self.works

    def way(self, target, port):
        """The load tool's words."""
        to = ["--to", f"{network.TARGET}:{target}"]
        return to + (["--uid", str(network.UNPRIVILEGED), "--from", network.CLIENT] if self.intercepted else ["--socks5", f"127.0.0.1:{port}"])


SCENARIOS = [
    scenario("s1", "SOCKS5 in, straight out",
             {"floor": s1_floor, "omnilink": s1_omnilink, "microsocks": s1_microsocks}),
    scenario("s3", "redirected by nftables, through one SOCKS5 hop",
             {"floor": s3_floor, "omnilink": s3_omnilink, "omnilink, cgroup": s3_omnilink_cgroup, "redsocks": s3_redsocks},
             intercepted=True, hop=True),
    scenario("ways", "by each kind of interception, straight on",
             {"nobody": nobody, "redirect": by("redirect"), "tproxy": by("tproxy"), "cgroup": by_cgroup},
             intercepted=True, floor="nobody", works=("connections", "set-up")),
]
