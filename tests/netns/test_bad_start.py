"""A start that cannot be: one line that says why, and nothing is left in the kernel.

    near (world.py): omnilink, rules of others, a fault in its system calls                       far: origins
"""

import os
import socket
import subprocess
import tempfile
import unittest

import capture
import omnilink
import origin
import servers
import world
from kernel_rules import nft, tables


def setUpModule():
    global ORIGIN
    world.enter()
    if not world.is_root():
        raise unittest.SkipTest("a redirect listener's service becomes another user, which needs root")
    ORIGIN = origin.origin()
    unittest.addModuleCleanup(ORIGIN.__exit__)


class bad_input(unittest.TestCase):
    def start(self, *more, prefix=()):
        command = [*prefix, omnilink.BINARY, "run", "-qq", "-L", "redirect://127.0.0.1:0?port=9&fail=open", *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
                              env={**os.environ, "XDG_RUNTIME_DIR": os.environ.get("TMPDIR", "/tmp")})

    def refused(self, said, *words, code=1):
        self.assertEqual(said.returncode, code, said.stderr)
        self.assertEqual(len(said.stderr.splitlines()), 1, said.stderr)
        for word in words:
            self.assertIn(word, said.stderr)
        self.assertEqual(tables(), set())

    def test_no_privileges(self):
        self.refused(self.start(prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]), "CAP_NET_ADMIN", "omnilink exec")
        self.refused(self.start(prefix=["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]), "CAP_NET_ADMIN")

    def test_the_table_is_somebody_else_s(self):
        nft("add", "table", "inet", "omnilink")
        try:
            said = self.start()
            self.assertEqual(said.returncode, 1)
            self.assertIn("table inet omnilink is there already", said.stderr)
            self.assertEqual(tables(), {"inet omnilink"}, "it is not ours to remove")
        finally:
            nft("delete", "table", "inet", "omnilink")

    def test_a_second_one(self):
        with omnilink.service(listen=["redirect://127.0.0.1:0?port=9&fail=open"]) as first:
            said = self.start()
            self.assertEqual(said.returncode, 1, said.stderr)
            self.assertIn("omnilink", said.stderr)
            self.assertIsNone(first.process.poll())
            self.assertIn("inet omnilink", tables())

    def test_a_port_that_is_taken_in_one_family(self):
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
            said = self.start("-L", f"redirect://127.0.0.1:{taken.getsockname()[1]}?port=10&fail=open")
        self.refused(said, "another program has this port")

    def test_a_user_that_does_not_exist(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
            config.write('version = 1\n[service]\nuser = "no-such-user"\n')
            config.flush()
            self.refused(self.start("-c", config.name), "no-such-user", "useradd", code=78)

    def test_without_ipv6(self):
        world.write("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "1")
        try:
            port = ORIGIN.port("greet")
            with omnilink.service(listen=[f"redirect://127.0.0.1:0?port={port}&fail=open"]):
                with omnilink.connect((world.ORIGIN4, port)) as greeted:
                    self.assertEqual(origin.read_line(greeted), "220 origin ready")
                with capture.capture("near0") as cable, self.assertRaises(OSError):
                    socket.create_connection((world.ORIGIN6, port), 1)
                self.assertEqual({p for p in cable.sent() if p[0] == "tcp" and p[2] == port and ":" in p[1]}, set())
        finally:
            world.write("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "0")

    def test_a_start_of_which_a_call_fails_says_why_and_leaves_nothing(self):
        """socket() among them, as in a kernel without nf_tables; of netd and of its worker."""
        said = []
        for call, error in (("socket", "EPROTONOSUPPORT"), ("bind", "EADDRINUSE"), ("listen", "EADDRINUSE"),
                            ("setsockopt", "ENOPROTOOPT"), ("prctl", "EINVAL"), ("capset", "EPERM")):
            for number in range(1, 13):
                started, injected, text = self.start_with_a_fault(call, error, number)
                with self.subTest(call, number=number):
                    self.assertTrue(started or "omnilink: " in text, "it ended without a word")
                    self.assertEqual(tables(), set())
                said.append(text)
                if not injected:
                    break
        self.assertTrue(any("nft: Protocol not supported; if the kernel lacks nf_tables" in text for text in said))

    def start_with_a_fault(self, call, error, number):
        with tempfile.TemporaryDirectory() as folder:
            ready, write_end = os.pipe()
            command = [servers.program("strace"), "-D", "-f", "-qq", "-o", f"{folder}/calls", "-e", f"trace={call}", "-e", "signal=none",
                       "-e", f"inject={call}:error={error}:when={number}", omnilink.BINARY, "run", "-q", "-L",
                       "redirect://127.0.0.1:0?port=9&fail=open", "--ready-fd", str(write_end)]
            with subprocess.Popen(command, pass_fds=(write_end,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True, preexec_fn=world.die_with_parent) as process:
                os.close(write_end)
                with os.fdopen(ready) as text:
                    started = text.readline() != ""  # the tracer has a copy of the other end
                if started:
                    process.terminate()
                text = process.communicate(timeout=20)[1]
            with open(f"{folder}/calls") as calls:
                return started, "INJECTED" in calls.read(), text


if __name__ == "__main__":
    unittest.main()
