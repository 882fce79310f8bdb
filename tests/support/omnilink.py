"""The compiled omnilink: `run` as a service with its log, `exec` as a command; and small SOCKS5 and CONNECT clients."""

import ipaddress
import json
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import world

BINARY = os.environ.get("OMNILINK", "")
CLIENT_SECONDS = 60
LINES_SHOWN = 20  # of the log, when a test fails

CONFIG = """version = 1
[service]
workers = {workers}
chain_timeout = "{chain_timeout}"
hop_timeout = "{hop_timeout}"
handshake_timeout = "{handshake_timeout}"
half_close_timeout = "{half_close_timeout}"
idle_timeout = "{idle_timeout}"
{settings}
[log]
format = "json"
[query]
socket = "{folder}/query.sock"
[admin]
socket = "{folder}/admin.sock"
"""


class service:
    """`omnilink run -L mixed://ADDRESS:0 -F hop…`, ready when the constructor returns. `hops` are servers or URLs.

    far: it runs among the hops, as one of them. listen: these URLs in place of mixed; where it listens is in `where`.
    inside: what puts a command line into a cgroup. settings: lines of [service]. more: text behind the configuration. flags: more of them.
    """

    def __init__(self, *hops, address="127.0.0.1", far=False, listen=(), settings="", more="", chain_timeout="30s", hop_timeout="10s",
                 handshake_timeout="10s", half_close_timeout="5m", idle_timeout="2h", flags=(), workers=0, inside=list):
        self.folder = tempfile.mkdtemp(prefix="omnilink-run-")
        config = os.path.join(self.folder, "omnilink.toml")
        world.write(config, CONFIG.format(folder=self.folder, workers=workers, chain_timeout=chain_timeout, hop_timeout=hop_timeout,
                                          handshake_timeout=handshake_timeout, half_close_timeout=half_close_timeout,
                                          idle_timeout=idle_timeout, settings=settings) + more)
        os.chmod(config, 0o600)
        host = f"[{address}]" if ":" in address else address
        remote = "" if address in ("127.0.0.1", "::1") else "?allow_remote=true"
        listen = listen or ([] if "[[listen]]" in more else [f"mixed://{host}:0{remote}"])
        # Behind netd the service is a user of its own, who makes its sockets here.
        if os.getuid() == 0 and any(url.startswith(("redirect", "tproxy", "cgroup")) for url in [*listen, *re.findall('url = "(.*)"', more)]):
            os.chown(self.folder, *worker_ids())
        ready, write_end = os.pipe()
        command = [BINARY, "run", *flags, "-c", config, "--ready-fd", str(write_end)]
        for url in listen:
            command += ["-L", url]
        for hop in hops:
            command += ["-F", getattr(hop, "url", hop)]
        self.process = subprocess.Popen(world.in_far(command) if far else inside(command), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=(write_end,),
                                        preexec_fn=world.die_with_parent)
        os.close(write_end)
        self.lines, self.arrived = [], threading.Condition()
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        with os.fdopen(ready) as text:
            ready_lines = text.read().split()
        line = ready_lines[0] if ready_lines else ""
        if not line:
            self.reader.join(5)
            raise AssertionError(f"omnilink run did not start: {' '.join(command)}\n" + "\n".join(self.lines))
        self.where = [(at.rpartition(":")[0].strip("[]"), int(at.rpartition(":")[2])) for at in ready_lines]
        where, _, port = line.rpartition(":")
        self.address = (where.strip("[]"), int(port))
        self.url = f"socks5://{where}:{port}"

    def read_log(self):
        for line in self.process.stdout:
            with self.arrived:
                self.lines.append(line.decode(errors="replace").rstrip())
                self.arrived.notify_all()
        with self.arrived:
            self.arrived.notify_all()

    def access(self, index=-1, count=1, seconds=20):
        """The index-th access line, once there are `count` of them."""

        def lines():
            made = [json.loads(line) for line in self.lines if line.startswith("{")]
            return [line for line in made if "verdict" in line and "id" in line]

        with self.arrived:
            if not self.arrived.wait_for(lambda: len(lines()) >= count, seconds):
                raise AssertionError(f"fewer than {count} access lines within {seconds} s:\n" + "\n".join(self.lines))
            return lines()[index]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def admin(self, *words):
        """What `omnilink WORDS --json` says of this service; the file is what it runs with."""
        asked = run(*words, "--json", "--socket", os.path.join(self.folder, "admin.sock"))
        if asked.returncode != 0:
            raise AssertionError(f"{words}: {asked.stderr}")
        return json.loads(asked.stdout)

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(next(line for line in status if line.startswith("VmRSS:")).split()[1])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            # What still runs gets drain_timeout; the tests do not wait for it.
            self.process.send_signal(2)
            code = self.process.wait(20)
        self.reader.join(5)
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if kind is not None:
            print("\n".join(self.lines[-LINES_SHOWN:]), flush=True)
        elif code != 0:
            raise AssertionError(f"omnilink run ended with {code}:\n" + "\n".join(self.lines[-LINES_SHOWN:]))


def run(*words, **options):
    """A verb to its end."""
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": CLIENT_SECONDS, **options}
    return subprocess.run([BINARY, *words], **options)


WORKER = 28524  # unless there is an account of omnilink's


def worker_ids():
    """(uid, gid) of the service behind netd."""
    try:
        account = pwd.getpwnam("omnilink")
        return account.pw_uid, account.pw_gid
    except KeyError:
        return WORKER, WORKER


class refused(Exception):
    """A proxy said no; `reply` is SOCKS REP or HTTP status."""

    def __init__(self, reply):
        super().__init__(f"reply {reply}")
        self.reply = reply


def connect(where, seconds=CLIENT_SECONDS):
    made = socket.create_connection(where, timeout=seconds)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def read_exactly(connection, size):
    got = b""
    while len(got) < size:
        chunk = connection.recv(size - len(got))
        if not chunk:
            raise EOFError(f"{len(got)} of {size} bytes: {got!r}")
        got += chunk
    return got


def socks5_request(host, port):
    """RFC 1928 section 4, CONNECT; a name travels as a name, even one that is none."""
    try:
        ip = ipaddress.ip_address(host)
        address = (b"\x01" if ip.version == 4 else b"\x04") + ip.packed
    except ValueError:
        address = b"\x03" + bytes([len(host)]) + host.encode()
    return b"\x05\x01\x00" + address + struct.pack("!H", port)


def read_socks5_reply(connection):
    """REP, after the whole reply was taken."""
    head = read_exactly(connection, 4)
    size = {1: 4, 4: 16, 3: None}[head[3]]
    if size is None:
        size = read_exactly(connection, 1)[0]
    read_exactly(connection, size + 2)
    return head[1]


def socks5(where, host, port):
    """A connection through a SOCKS5 proxy."""
    connection = connect(where)
    connection.sendall(b"\x05\x01\x00")
    if read_exactly(connection, 2) != b"\x05\x00":
        raise AssertionError("the proxy wants authentication")
    connection.sendall(socks5_request(host, port))
    reply = read_socks5_reply(connection)
    if reply != 0:
        connection.close()
        raise refused(reply)
    return connection


def read_http_head(connection):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read_exactly(connection, 1)
    return head


def http_connect(where, host, port):
    """A connection through an HTTP proxy."""
    connection = connect(where)
    name = f"[{host}]" if ":" in host else host
    connection.sendall(f"CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n".encode())
    status = int(read_http_head(connection).split()[1])
    if status != 200:
        connection.close()
        raise refused(status)
    return connection


def wait_until(true, what, seconds=10):
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def worker_of(service):
    """The service's process behind netd."""
    def workers():
        with open(f"/proc/{service.process.pid}/task/{service.process.pid}/children") as children:
            return children.read().split()

    wait_until(workers, "there is a worker")
    return int(workers()[0])


def kill_all(service):
    """netd and its worker at once."""
    pidfd = os.pidfd_open(worker_of(service))
    os.kill(service.process.pid, signal.SIGKILL)
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    service.process.wait()
    os.close(pidfd)
