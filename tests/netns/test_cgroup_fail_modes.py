"""Cgroup listeners when omnilink, or what it needs, is not there: by what the program gets, and what is on the cable.

    near                                                                far
      <v2>/omnilink-test-PID/app      python3
             | connect(ORIGIN): refused, or on its own way --- near0 -- veth -- far0 --- ORIGIN (203.0.113.10, 2001:db8:f::10)
      <v2>/omnilink-test-PID/service  omnilink, until it is killed
      /sys/fs/bpf/omnilink            what stays of it; the mount is the tests' own
"""

import glob
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import capture
import cgroups
import connects
import omnilink
import origin
import world


def setUpModule():
    global GROUPS, ORIGIN
    GROUPS = cgroups.prepare()
    unittest.addModuleCleanup(GROUPS.remove_all)
    ORIGIN = origin.origin()
    unittest.addModuleCleanup(ORIGIN.__exit__)


class fail_modes(unittest.TestCase):
    """What becomes of captured connections when omnilink is gone: by what the program gets, and what is on the cable."""

    def setUp(self):
        self.port = ORIGIN.port("greet")
        self.addCleanup(omnilink.run, "cleanup")

    def traces(self):
        return {t["what"]: t["in_use"] for t in json.loads(omnilink.run("doctor", "--json").stdout)["traces"]}

    def dial(self):
        return [GROUPS.client(host, self.port).split("|")[0] for host in (world.ORIGIN4, world.ORIGIN6, f"::ffff:{world.ORIGIN4}")]

    def test_A13_open_killed_leaves_nothing(self):
        service = GROUPS.hooked("reject", conditions=f"&port={self.port}")
        self.assertEqual(self.dial(), ["ECONNRESET"] * 3)
        omnilink.kill_all(service)
        self.assertEqual(self.dial(), ["220 origin ready"] * 3)
        self.assertEqual(self.traces(), {})

    def test_closed_killed_nothing_leaves(self):
        service = GROUPS.hooked("reject", conditions=f"&port={self.port}", fail="closed")
        own = service.where[0][1]
        with capture.capture("near0") as cable:
            omnilink.kill_all(service)
            # First the end, then the attempts.
            for _ in range(3):
                self.assertEqual(self.dial(), ["ECONNREFUSED"] * 3)
            self.assertEqual(GROUPS.client(world.ORIGIN4, self.port, "fastopen"), "ECONNREFUSED")
            # Who takes the port now is not omnilink, and gets nothing.
            with socket.create_server(("127.0.0.1", own)) as stranger:
                stranger.settimeout(0)
                self.assertEqual(GROUPS.client(world.ORIGIN4, self.port), "ECONNREFUSED")
                with self.assertRaises(BlockingIOError):
                    stranger.accept()
        self.assertEqual({p[1] for p in cable.sent() if p[0] == "tcp"}, set())
        (left, in_use), = self.traces().items()
        self.assertFalse(in_use)
        self.assertIn("/sys/fs/bpf/omnilink/", left)
        # The next start takes over, and its own orderly end leaves its own guard.
        with GROUPS.hooked(conditions=f"&port={self.port}", fail="closed") as again:
            self.assertEqual(self.dial(), ["220 origin ready"] * 3)
            self.assertEqual(list(self.traces().values()), [True])
            self.assertIn("in use", omnilink.run("cleanup").stdout)
            self.assertEqual(self.dial(), ["220 origin ready"] * 3)
            self.assertEqual(again.access(-1, 6)["verdict"], "ok")
        self.assertEqual(self.dial(), ["ECONNREFUSED"] * 3)
        self.assertIn("removed", omnilink.run("cleanup").stdout)
        self.assertEqual(self.dial(), ["220 origin ready"] * 3)
        self.assertEqual(omnilink.run("cleanup").stdout, "nothing is left\n")

    def test_A13_a_reload_replaces_it_at_once_or_not_at_all(self):
        def listening(port, fail="open", group="/app"):
            return (f'[[listen]]\nurl = "cgroup://127.0.0.1:0"\nfail = "{fail}"\ncapture = {{ port = {port}, cgroup = "{GROUPS.name}{group}" }}\n'
                    '[[chain]]\nname = "no"\nhops = ["reject"]\n')

        with omnilink.service(more=listening(self.port), inside=GROUPS.service) as service:
            config = f"{service.folder}/omnilink.toml"
            with open(config) as text:
                head = text.read().removesuffix(listening(self.port))

            def reload(text):
                world.write(config, head + text)
                return omnilink.run("reload", "--socket", f"{service.folder}/admin.sock")

            self.assertEqual(reload(listening(self.port + 1)).stdout, "reloaded\n")
            self.assertEqual(self.dial(), ["220 origin ready"] * 3)
            self.assertIn('no cgroup named "no-such.slice"', reload(listening(self.port).replace(GROUPS.name + "/app", "no-such.slice")).stderr)
            self.assertEqual(self.dial(), ["220 origin ready"] * 3)
            self.assertEqual(reload(listening(self.port, group="")).stdout, "reloaded\n")
            self.assertEqual(self.dial(), ["ECONNRESET"] * 3)
            self.assertEqual(reload(listening(self.port, "closed")).stdout, "reloaded\n")
            self.assertEqual(list(self.traces().values()), [True])
            self.assertEqual(reload(listening(self.port)).stdout, "reloaded\n")
            # Never a moment without: connects in a loop while the programs are replaced again and again.
            loop = connects.CLIENT.replace("s = socket.socket(", "while True:\n  s = socket.socket(", 1)
            body = loop.index("  s = socket.socket(")
            first, *rest = loop[body:].splitlines()
            loop = loop[:body] + "\n".join([first, *("  " + line for line in rest)])
            with capture.capture("near0") as cable:
                client_loop = subprocess.Popen(GROUPS.inside("/app", [sys.executable, "-uc", loop, world.ORIGIN4, str(self.port), "plain"]),
                                               stdout=subprocess.PIPE, text=True)
                self.assertEqual(client_loop.stdout.readline().strip(), "ECONNRESET")
                for i in range(10):
                    self.assertEqual(reload(listening(f"[{self.port}, {i + 1}]")).stdout, "reloaded\n")
                client_loop.terminate()
                said = set(client_loop.communicate()[0].splitlines()[:-1])
            self.assertLessEqual(said, {"ECONNRESET"})
            self.assertEqual({p[1] for p in cable.sent() if p[0] == "tcp"}, set())

    def test_closed_netd_killed_the_worker_ends_and_nothing_leaves(self):
        service = GROUPS.hooked("reject", conditions=f"&port={self.port}", fail="closed")
        pidfd = os.pidfd_open(omnilink.worker_of(service))
        with capture.capture("near0") as cable:
            service.process.kill()
            self.assertLessEqual(set(self.dial()), {"ECONNRESET", "ECONNREFUSED", "end"})
            self.assertTrue(select.select([pidfd], [], [], 30)[0])
            self.assertEqual(self.dial(), ["ECONNREFUSED"] * 3)
        self.assertEqual({p[1] for p in cable.sent() if p[0] == "tcp"}, set())
        os.close(pidfd)

    def test_A8_without_ipv6_on_loopback_what_is_captured_of_it_is_refused(self):
        setting = "/proc/sys/net/ipv6/conf/lo/disable_ipv6"
        world.write(setting, "1")
        self.addCleanup(world.write, setting, "0")
        with GROUPS.hooked("reject", conditions=f"&port={self.port}"):
            self.assertEqual(self.dial(), ["ECONNRESET", "ENETUNREACH", "ECONNRESET"])

    def test_D12_the_worker_killed_connections_wait_for_the_next_one(self):
        with GROUPS.hooked(conditions=f"&port={self.port}", fail="closed") as service:
            for _ in range(3):
                os.kill(omnilink.worker_of(service), signal.SIGKILL)
                self.assertEqual(GROUPS.client(world.ORIGIN4, self.port).split("|")[0], "220 origin ready")


def environment():
    return {**os.environ, "XDG_RUNTIME_DIR": tempfile.gettempdir()}


class refusals(unittest.TestCase):
    """One line, exit status 1, and nothing half-installed."""

    def refused(self, *prefix, conditions="&fail=open", group="/app"):
        url = f"cgroup://127.0.0.1:0?cgroup={GROUPS.name}{group}{conditions}"
        command = [*prefix, omnilink.BINARY, "run", "-L", url]
        done = GROUPS.run(*command, name="/service", env=environment())
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        attached = subprocess.run(["bpftool", "cgroup", "tree", GROUPS.folder], capture_output=True, text=True)
        self.assertNotIn("connect4", attached.stdout)
        self.assertFalse(glob.glob("/sys/fs/bpf/omnilink/*"))
        return done.stderr

    def test_one_line_each(self):
        self.assertIn("there is no cgroup", self.refused(group="/nowhere"))
        self.assertIn("No such file", self.refused(conditions="&fail=closed&exe=/no/such/program"))
        self.assertIn("there is no process", self.refused(conditions="&fail=open&pid=4000000"))
        self.assertIn("start omnilink as root", self.refused("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"))
        self.assertIn("CAP_BPF", self.refused("setpriv", "--bounding-set=-bpf,-sys_admin", "--inh-caps=-bpf,-sys_admin"))
        no_cgroup2 = ["unshare", "--mount", "sh", "-c", f'umount {cgroups.hierarchy()} && exec "$@"', "sh"]
        self.assertIn("no cgroup2 is mounted", self.refused(*no_cgroup2))
        no_bpffs = ["unshare", "--mount", "sh", "-c", 'umount /sys/fs/bpf && exec "$@"', "sh"]
        self.assertIn("mount -t bpf", self.refused(*no_bpffs, conditions="&fail=closed"))
        no_btf = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /sys/kernel/btf && exec "$@"', "sh"]
        self.assertIn("CONFIG_DEBUG_INFO_BTF", self.refused(*no_btf))

    def test_a_kernel_that_refuses_the_programs(self):
        said = self.refused("strace", "-qq", "-f", "-o", "/dev/null", "-e", "trace=bpf", "-e", "inject=bpf:error=EINVAL:when=20+")
        self.assertIn("a redirect listener needs no BPF", said)

    def test_another_omnilink(self):
        with GROUPS.hooked("reject"):
            done = GROUPS.run(omnilink.BINARY, "run", "-L", f"cgroup://127.0.0.1:0?cgroup={GROUPS.name}&fail=open", name="/service",
                              env=environment())
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        self.assertIn("another omnilink with cgroup listeners", done.stderr)

    def test_another_program_in_the_way(self):
        """Attached as long ago, to be the only one."""
        program = os.path.join(os.environ["OMNILINK_BUILD"], "interceptor/cgroup/connect.o")
        pins = tempfile.mkdtemp(dir="/sys/fs/bpf")
        subprocess.run(["bpftool", "prog", "loadall", program, pins], check=True, capture_output=True)
        where = f"{GROUPS.folder}/app"
        subprocess.run(["bpftool", "cgroup", "attach", where, "getpeername4", "pinned", f"{pins}/peer4"], check=True)
        try:
            self.assertIn("BPF_F_ALLOW_MULTI", self.refused())
        finally:
            subprocess.run(["bpftool", "cgroup", "detach", where, "getpeername4", "pinned", f"{pins}/peer4"], check=True)
            for name in os.listdir(pins):
                os.remove(f"{pins}/{name}")
            os.rmdir(pins)

    def test_doctor_says_that_it_works(self):
        found = {f["subject"]: f for f in json.loads(omnilink.run("doctor", "--json").stdout)["findings"]}
        self.assertTrue(found["cgroup listeners"]["ok"], found["cgroup listeners"])
        self.assertTrue(found["cgroup listeners: fail = closed"]["ok"])
