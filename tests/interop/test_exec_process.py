"""`omnilink exec` as a parent: exit codes, signals, terminal and job control, streams, environment, what outlives CMD,
the private loopback, and what it says when it cannot."""

import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest

import omnilink
import origin
import sandboxed
import servers
import world

PRESETS = ("release", "asan")


def setUpModule():
    global SERVERS, ORIGIN, HOMES, CHAIN
    world.enter()
    SERVERS, ORIGIN, HOMES = servers.servers(), origin.origin(), sandboxed.homes()
    unittest.addModuleCleanup(SERVERS.__exit__, None, None, None)
    unittest.addModuleCleanup(ORIGIN.__exit__)
    unittest.addModuleCleanup(HOMES.close)
    CHAIN = [SERVERS.microsocks()]


def users_test(body):
    """The same for every user."""

    def whole(self):
        for uid in sandboxed.users():
            with self.subTest(uid=uid):
                body(self, uid)

    return whole


class terminal:
    """omnilink exec on a pseudo-terminal; what it shows is read with expect()."""

    def __init__(self, uid, words):
        self.shown = ""
        command = HOMES.command(uid, CHAIN, words)
        environment = HOMES.environment(uid, PS1="$ ")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(HOMES.of(uid))
            os.execvpe(command[0], command, environment)

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern, seconds=20):
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.shown)):
            ready = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]
            if not ready:
                raise AssertionError(f"{pattern!r} did not appear:\n{self.shown}")
            try:
                self.shown += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                raise AssertionError(f"the terminal closed before {pattern!r}:\n{self.shown}") from None
        self.shown = self.shown[found.end():]
        return found

    def end(self):
        """The exit code."""
        try:
            while select.select([self.fd], [], [], 20)[0] and os.read(self.fd, 65536):
                pass
        except OSError:
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class process(unittest.TestCase):
    @users_test
    def test_exit_codes(self, uid):
        for words, code in ((["sh", "-c", "exit 7"], 7), (["true"], 0), (["/nonexistent"], 127), (["/etc/passwd"], 126),
                            (["no-such-program"], 127)):
            ran = HOMES.run(uid, CHAIN, *words)
            self.assertEqual(ran.returncode, code, ran.stderr)

    @users_test
    def test_a_signal_that_ends_the_command_ends_exec(self, uid):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
            ran = HOMES.run(uid, CHAIN, "sh", "-c", f"kill -{int(number)} $$")
            self.assertEqual(ran.returncode, -number, ran.stderr)

    @users_test
    def test_a_signal_to_exec_reaches_the_command(self, uid):
        words = ["sh", "-c", "trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.05; done"]
        with subprocess.Popen(HOMES.command(uid, CHAIN, words), stdout=subprocess.PIPE, text=True,
                              env=HOMES.environment(uid)) as front:
            self.assertEqual(front.stdout.readline(), "ready\n")
            front.send_signal(signal.SIGTERM)
            self.assertEqual(front.stdout.readline(), "got it\n")
            self.assertEqual(front.wait(20), 9)

    def test_failures_of_omnilinks_own_are_125(self):
        for flags in (["-F", "sock5://a"], ["--no-such-flag"], ["-c", "/nonexistent"], ["-F", "socks5://a,b"]):
            ran = HOMES.run(sandboxed.ROOT, [], "true", flags=flags)
            self.assertEqual(ran.returncode, 125, ran.stderr)
            self.assertTrue(ran.stderr.startswith("omnilink"), ran.stderr)
        self.assertIn("socks5", HOMES.run(sandboxed.ROOT, [], "true", flags=["-F", "sock5://a"]).stderr)

    @users_test
    def test_user_directory_environment_and_streams_are_the_callers(self, uid):
        script = "id -u; id -g; pwd; echo $COLOUR; cat; echo to stderr >&2"
        ran = HOMES.run(uid, CHAIN, "sh", "-c", script, env={"COLOUR": "blue"}, input="to stdin\n", stdin=None)
        self.assertEqual(ran.stdout.splitlines(), [str(uid), str(uid), HOMES.of(uid), "blue", "to stdin"])
        self.assertEqual(ran.stderr, "to stderr\n")

    @users_test
    def test_an_ordinary_user_has_no_capability_inside(self, uid):
        if uid == sandboxed.ROOT:
            return
        ran = HOMES.run(uid, CHAIN, "grep", "-E", "Cap(Eff|Prm|Inh|Amb)", "/proc/self/status")
        self.assertEqual(set(re.findall(r"\t(\w+)", ran.stdout)), {"0" * 16})

    @users_test
    def test_what_outlives_the_command_is_still_served(self, uid):
        """exec returns; the orphan waits for the word, and reaches the origin."""
        go, answer = f"{HOMES.of(uid)}/go", f"{HOMES.of(uid)}/answer"
        orphan = (f"while [ ! -e {go} ]; do sleep 0.05; done; "
                  f"head -n1 </dev/tcp/origin.test/{ORIGIN.port('greet')} >{answer}.part; mv {answer}.part {answer}")
        ran = HOMES.run(uid, CHAIN, "sh", "-c", f"setsid bash -c '{orphan}' >/dev/null 2>&1 </dev/null & echo started")
        self.assertEqual((ran.returncode, ran.stdout), (0, "started\n"), ran.stderr)
        world.write(go, "")
        omnilink.wait_until(lambda: os.path.exists(answer), "the orphan's answer")
        with open(answer, newline="") as text:
            self.assertEqual(text.read(), "220 origin ready\r\n")

    @users_test
    def test_exec_does_not_hold_a_pipe_open(self, uid):
        command = " ".join(HOMES.command(uid, CHAIN, ["echo", "x"]))
        ran = subprocess.run(f"{command} | cat", shell=True, capture_output=True, text=True, timeout=30,
                             env=HOMES.environment(uid))
        self.assertEqual(ran.stdout, "x\n", ran.stderr)


class on_a_terminal(unittest.TestCase):
    @users_test
    def test_an_interactive_bash(self, uid):
        shell = terminal(uid, ["bash", "--norc", "-i"])
        shell.expect(r"\$ ")
        shell.type("echo $((6*7)); tty\n")
        shell.expect(r"42\r\n/dev/pts/\d+")
        # Job control: ^C ends the sleep and not the shell; ^Z stops it, fg goes on with it.
        shell.type("sleep 1000\n")
        shell.expect("sleep 1000\r\n")
        time.sleep(0.3)  # the shell has to give it the terminal first; nothing tells when
        shell.type("\x03")
        shell.expect(r"\$ ")
        shell.type("echo code $?\n")
        shell.expect("code 130")
        shell.type("sleep 1000\n")
        shell.expect("sleep 1000\r\n")
        time.sleep(0.3)
        shell.type("\x1a")
        shell.expect("Stopped")
        shell.type("kill %1; wait; echo gone\n")
        shell.expect(r"gone\r\n")
        shell.type(f"head -n1 </dev/tcp/origin.test/{ORIGIN.port('greet')}\n")
        shell.expect("220 origin ready")
        shell.type("exit 7\n")
        self.assertEqual(shell.end(), 7)

    @users_test
    def test_control_c_ends_the_command(self, uid):
        sleep = terminal(uid, ["sh", "-c", "echo ready; exec sleep 1000"])
        sleep.expect("ready")
        sleep.type("\x03")
        self.assertEqual(sleep.end(), -signal.SIGINT)


class loopback(unittest.TestCase):
    INSIDE = ("python3 -m http.server -b 127.0.0.1 8000 >/dev/null 2>&1 & s=$!; "
              "until curl -sSf http://127.0.0.1:8000/ >/dev/null 2>&1; do sleep 0.05; done; echo inside; kill $s")

    @users_test
    def test_a_server_of_the_commands_own_is_reached(self, uid):
        ran = HOMES.run(uid, CHAIN, "sh", "-c", self.INSIDE)
        self.assertEqual((ran.returncode, ran.stdout), (0, "inside\n"), ran.stderr)

    @users_test
    def test_the_hosts_ports_only_where_asked_for(self, uid):
        with omnilink.service() as service:
            port = service.address[1]
            words = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{port}/"]
            closed = HOMES.run(uid, CHAIN, *words)
            self.assertEqual(closed.returncode, 7, closed.stderr)  # curl: connection refused
            opened = HOMES.run(uid, CHAIN, *words, flags=["--loopback", f"host:{port}"])
            self.assertEqual(opened.stdout, "400", opened.stderr)


class refusals(unittest.TestCase):
    @users_test
    def test_a_hop_that_is_down_is_named_on_stderr_in_one_line(self, uid):
        ran = HOMES.run(uid, [f"socks5://{world.CLOSED4}:1080"], "curl", "-sS", f"http://{world.ORIGIN4}/")
        self.assertNotEqual(ran.returncode, 0)
        # Anywhere in a line: curl writes its own in pieces.
        said = re.findall("omnilink exec: (.*)", ran.stderr)
        self.assertEqual(len(said), 1, ran.stderr)
        for word in ("hop 0", world.CLOSED4, "connect", "refused"):
            self.assertIn(word, said[0])

    @users_test
    def test_A1_direct_connect_to_redirect_port_is_reset(self, uid):
        """The program dials every port that listens in its namespace: each is the resolver's, or resets at once."""
        program = """
import socket
question = b"\\0\\x16\\0\\7\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\4name\\0\\0\\1\\0\\1"
for host, path in (("127.0.0.1", "/proc/net/tcp"), ("::1", "/proc/net/tcp6")):
    for line in open(path).read().splitlines()[1:]:
        port, state = line.split()[1].split(":")[1], line.split()[3]
        if state != "0A":
            continue
        try:  # the RST may be there before connect() returns
            with socket.create_connection((host, int(port, 16)), 10) as c:
                c.sendall(question)
                print(host, "dns" if c.recv(100)[2:4] == b"\\0\\7" else "FIN")
        except ConnectionResetError:
            print(host, "reset")
"""
        ran = HOMES.run(uid, CHAIN, "python3", "-c", program)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        said = set(ran.stdout.splitlines())
        self.assertGreaterEqual(said, {"127.0.0.1 reset", "::1 reset"}, ran.stderr)
        self.assertLessEqual(said, {"127.0.0.1 reset", "::1 reset", "127.0.0.1 dns", "::1 dns"}, ran.stderr)

    def test_no_namespaces_allowed(self):
        """In a user namespace whose limit is 0, as an administrator may set it."""
        script = f"echo 0 >/proc/sys/user/max_net_namespaces; exec {HOMES.binary} exec -- true"
        ran = subprocess.run(["unshare", "-Ur", "sh", "-c", script], capture_output=True, text=True, timeout=30)
        self.assertEqual(ran.returncode, 125, ran.stderr)
        self.assertEqual(len(ran.stderr.splitlines()), 1, ran.stderr)
        self.assertIn("max_net_namespaces", ran.stderr)

    def test_other_udp_is_refused_at_once(self):
        program = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.connect(("{world.ORIGIN4}", 443))
s.send(b"x")
try:
    s.recv(1)
except ConnectionRefusedError:
    print("refused")
"""
        for uid in sandboxed.users():
            ran = HOMES.run(uid, CHAIN, "python3", "-c", program)
            self.assertEqual(ran.stdout, "refused\n", ran.stderr)
