"""Where a candidate runs, and how omnilink and the floor are started for each scenario; their peers: peers.py."""

import contextlib
import os
import pwd
import shutil

import network
from processes import process

OMNILINK_USER = 28524  # behind netd, where there is no account of that name

SPARE_CONNECTIONS = 200  # beside those that are idle

OMNILINK = """version = 1
[service]
workers = {workers}
{more}
[query]
socket = "{folder}/query.sock"
[admin]
socket = "{folder}/admin.sock"
"""


def program(name):
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not path:
        raise network.unavailable(f"{name} is not installed")
    return path


class place:
    """Cores, a folder, a port to listen on, and what is around: the target's address, the ports of the hops and what they speak."""

    def __init__(self, build, cores, folder, secrets, target=0, hops=(), kinds=(), connections=0, flows=0):
        self.build, self.cores, self.folder = build, cores, folder
        self.connections = connections  # at once, where that may be more than somebody's default allows
        self.flows = flows  # remembered at once, likewise
        self.target, self.hops, self.kinds = f"{network.TARGET}:{target}", hops, kinds
        self.authority, self.certificate, self.key = (f"{secrets}/{name}.pem" for name in ("authority", "hop", "key"))
        self.port = network.free_port()
        self.listen = f"127.0.0.1:{self.port}"

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        network.write(path, text)
        os.chmod(path, mode)
        return path

    @contextlib.contextmanager
    def start(self, command):
        with process(command, self.cores, os.path.join(self.folder, "log")) as running:
            network.wait_until_listens(self.port, running.alive)
            running.is_ready()
            yield running


def omnilink(at, *words, workers=1):
    try:
        owner = pwd.getpwnam("omnilink").pw_uid
    except KeyError:
        owner = OMNILINK_USER
    if os.getuid() == 0 and not network.can_redirect():
        os.chown(at.folder, owner, -1)  # where it makes its sockets
    more = f"max_connections = {at.connections + SPARE_CONNECTIONS}" if at.connections else ""
    if at.flows:
        # Half is for others' flows, and ports do not fall evenly into shards.
        more += f"\n[nat]\ncapacity = {2 * at.flows + at.flows // 4}"
    config = at.file("omnilink.toml", OMNILINK.format(folder=at.folder, workers=workers, more=more))
    return at.start([f"{at.build}/omnilink", "run", "-c", config, *words])


@contextlib.contextmanager
def redirecting(at, command):
    """For candidates that leave the rule to others."""
    with network.redirect_to(at.port), at.start(command) as running:
        yield running


@contextlib.contextmanager
def tproxying(at, command):
    with network.tproxy_to(at.port), at.start(command) as running:
        yield running


def forward(at, pipelined=False):
    """omnilink's words for the hops."""
    schemes = {"tls": "socks5+tls", "tls-full": "socks5+tls"}
    out = []
    for port, kind in zip(at.hops, at.kinds):
        more = f"?ca={at.authority}&sni={network.HOP_NAME}" if kind.startswith("tls") else "?pipeline=true" if pipelined else ""
        out += ["-F", f"{schemes.get(kind, kind)}://127.0.0.1:{port}{more}"]
    return out


def by_listener(scheme, workers=1):
    def candidate(at):
        more = f"?to={at.target}" if scheme == "tcp" else ""
        return omnilink(at, "-L", f"{scheme}://{at.listen}{more}", *forward(at), workers=workers)
    return candidate


def by_interception(kind, pipelined=False):
    """omnilink's rules are its own; no guard that outlives it."""
    def candidate(at):
        where = f"{kind}://{at.listen}?cidr={network.TARGET}/32&uid={network.UNPRIVILEGED}&fail=open"
        return omnilink(at, "-L", where, *forward(at, pipelined))
    return candidate


@contextlib.contextmanager
def by_connect_hook(at):
    with network.own_cgroup() as group:
        where = f"cgroup://{at.listen}?cgroup={group}&cidr={network.TARGET}/32&uid={network.UNPRIVILEGED}&fail=open"
        with omnilink(at, "-L", where, *forward(at)) as running:
            yield running


def by_exec(at):
    """In front of the load tool."""
    return [f"{at.build}/omnilink", "exec", "--log", f"{at.folder}/exec.log", *forward(at), "--"]


def floor(arrival):
    def candidate(at):
        word = f"pass={at.target}" if arrival == "pass" else arrival
        hops = [f"socks5+tls=127.0.0.1:{port},{at.authority}" if kind.startswith("tls") else f"{kind}=127.0.0.1:{port}"
                for port, kind in zip(at.hops, at.kinds)]
        command = [f"{at.build}/bench/bench_floor", word, at.listen, *hops]
        return {"redirect": redirecting, "tproxy": tproxying}.get(arrival, place.start)(at, command)
    return candidate


def nobody(at):
    """A program that does nothing: the connections go straight to their target."""
    return process([program("sleep"), "infinity"], at.cores, os.path.join(at.folder, "log"))
