"""What is finite: descriptors, handshakes, memory. Too little is said at start; what runs out later is waited for, and
nobody who was let in pays for it."""

import os
import resource
import selectors
import socket
import subprocess
import tempfile
import time
import unittest

import omnilink
import origin
import world

PRESETS = ("release", "asan")
RESERVE = 64  # io::descriptor_reserve


def setUpModule():
    global ORIGIN
    world.enter()
    ORIGIN = origin.origin()
    unittest.addModuleCleanup(ORIGIN.__exit__)


def under(limit, *words):
    """omnilink where no more than `limit` descriptors may be open."""
    command = ["prlimit", f"--nofile={limit}:{limit}", omnilink.BINARY, *words]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


class counted:
    """A service and its clients; all are closed in the end."""

    def __init__(self, case, **options):
        self.service = omnilink.service(**options)
        case.addCleanup(self.service.__exit__, None)
        self.case = case

    def tunnel(self):
        made = omnilink.socks5(self.service.address, world.ORIGIN4, ORIGIN.port("echo"))
        self.case.addCleanup(made.close)
        return made

    def ask(self):
        """A client that has said all it has to say, and waits."""
        made = omnilink.connect(self.service.address)
        self.case.addCleanup(made.close)
        made.sendall(b"\x05\x01\x00" + omnilink.socks5_request(world.ORIGIN4, ORIGIN.port("echo")))
        return made

    def connections(self):
        return self.service.admin("connections")["connections"]

    def events(self, name):
        return [line for line in list(self.service.lines) if f'"event":"{name}"' in line]


def echoes(connection, text=b"still here\n"):
    connection.sendall(text)
    return omnilink.read_exactly(connection, len(text)) == text


def answered(clients, seconds=20):
    """REP of each client, once all have one."""
    return [read_reply(one, seconds) for one in clients]


def read_reply(connection, seconds):
    connection.settimeout(seconds)
    if omnilink.read_exactly(connection, 2) != b"\x05\x00":
        raise AssertionError("no greeting")
    return omnilink.read_socks5_reply(connection)


def waiting(clients):
    """Those to whom nothing has been said yet."""
    with selectors.DefaultSelector() as seen:
        for one in clients:
            seen.register(one, selectors.EVENT_READ)
        ready = {key.fileobj for key, _ in seen.select(0)}
    return [one for one in clients if one not in ready]


class descriptors(unittest.TestCase):
    def config(self, text):
        folder = tempfile.TemporaryDirectory(prefix="omnilink-limits-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "omnilink.toml")
        world.write(path, "version = 1\n[query]\nsocket = \"\"\n[admin]\nsocket = \"\"\n[[listen]]\nurl = \"mixed://127.0.0.1:0\"\n" + text)
        os.chmod(path, 0o600)
        return path

    def test_D2_a_limit_below_the_need_is_refused_at_start(self):
        config = self.config("[service]\nmax_connections = 2000\n")
        ran = under(1000, "run", "-c", config)
        self.assertEqual((ran.returncode, ran.stdout), (1, ""))
        line = ran.stderr.strip()
        self.assertNotIn("\n", line)
        self.assertRegex(line, r"^omnilink: max_connections = 2000 needs 4\d\d\d descriptors, and this process may open 1000: .*"
                               r"ulimit -Hn 4\d\d\d; systemd: LimitNOFILE=4\d\d\d.*, or set max_connections to 3\d\d at most$")

    def test_D2_the_soft_limit_is_raised(self):
        """Only the soft one is too low; and without max_connections even a low hard one is no reason to stop."""
        for limit, wanted in (("100:20000", "max_connections = 2000"), ("1000:1000", "")):
            read, write = os.pipe()
            config = self.config(f"[service]\n{wanted}\n")
            command = ["prlimit", f"--nofile={limit}", omnilink.BINARY, "run", "-c", config, "--ready-fd", str(write)]
            with subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.PIPE, text=True, preexec_fn=world.die_with_parent) as run:
                os.close(write)
                with os.fdopen(read) as ready:
                    self.assertIn("127.0.0.1:", ready.read())
                run.terminate()
                errors = run.stderr.read()
            self.assertEqual("fewer-connections" in errors, not wanted, errors)

    def test_D2_exec_says_what_to_raise_and_leaves_the_commands_limit_alone(self):
        ran = under(100, "exec", "--", "true")
        self.assertEqual(ran.returncode, 125)
        self.assertRegex(ran.stderr, r"^omnilink exec: .*descriptors.*ulimit -Hn \d+")
        for limit in ("1000:1000", "256:20000"):
            ran = subprocess.run(["prlimit", f"--nofile={limit}", omnilink.BINARY, "exec", "--", "sh", "-c", "ulimit -Sn; ulimit -Hn"],
                                 capture_output=True, text=True, timeout=60)
            self.assertEqual((ran.returncode, ran.stdout.split()), (0, limit.split(":")), ran.stderr)

    def test_D1_out_of_descriptors_accepting_pauses_and_streams_go_on(self):
        here = counted(self, settings="max_connections = 200")
        streams = [here.tunnel() for _ in range(20)]
        pid = here.service.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        # Ten more, for five connections, are all there is.
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (here.service.descriptors() + 10 + RESERVE, hard))
        began = time.monotonic()
        late = [here.ask() for _ in range(60)]
        omnilink.wait_until(lambda: here.events("accept-failed"), "the shortage in the log")
        for one in streams:
            self.assertTrue(echoes(one))
        self.assertGreater(len(here.connections()), 20)
        self.assertGreater(len(waiting(late)), 20)
        # Whoever waits is served as soon as there is room, a few at a time.
        for one in streams:
            one.close()
        served = 0
        for one in late:
            served += read_reply(one, 60) == 0
            one.close()
        self.assertGreater(served, 40)
        lasted = time.monotonic() - began
        self.assertLessEqual(len(here.events("accept-failed")), lasted + 1)
        for line in here.service.lines:
            if '"verdict":"io_failed"' in line:
                self.assertIn("Too many open files", line)
        self.assertTrue(echoes(here.tunnel()))

    def test_D1_without_the_reserve_too_it_recovers(self):
        here = counted(self, settings="max_connections = 200")
        stream = here.tunnel()
        pid = here.service.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (here.service.descriptors(), before[1]))
        late = [here.ask() for _ in range(10)]
        omnilink.wait_until(lambda: here.events("accept-failed"), "the shortage in the log")
        self.assertTrue(echoes(stream))
        self.assertEqual(len(waiting(late)), 10)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        self.assertEqual(answered(late), [0] * 10)
