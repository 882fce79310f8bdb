"""netd and the service as two units: what systemd says of the unit files, and both processes started as the units start them."""

import os
import shutil
import socket
import subprocess
import tempfile
import unittest

import omnilink
import origin
import world

UNITS = os.path.join(os.path.dirname(omnilink.BINARY), "systemd")
NETD_UID = 28525
EXPOSURE_MAX = 15  # of 100


# Of what the units' SystemCallFilter= refuses, the calls that a program which gives up privileges would make.
REFUSED = "capset,setuid,setresuid,setreuid,setgroups,chown,fchown,setrlimit,setpriority,sched_setaffinity"
UNDER_FILTER = """
import ctypes, os, sys
lib = ctypes.CDLL("libseccomp.so.2")
lib.seccomp_init.restype = ctypes.c_void_p
allow, eperm = 0x7fff0000, 0x00050001
rules = ctypes.c_void_p(lib.seccomp_init(allow))
for name in sys.argv[1].split(","):
    assert lib.seccomp_rule_add(rules, ctypes.c_uint32(eperm), lib.seccomp_syscall_resolve_name(name.encode()), 0) == 0, name
assert lib.seccomp_load(rules) == 0
os.execv(sys.argv[2], sys.argv[2:])
"""


def setUpModule():
    global ORIGIN
    world.enter()
    if not world.is_root():
        raise unittest.SkipTest("units run as users of their own, which needs root")
    ORIGIN = origin.origin()
    unittest.addModuleCleanup(ORIGIN.__exit__)


def as_unit(uid, gid, capabilities):
    kept = "".join(f",+{c}" for c in capabilities)
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs", f"--inh-caps=-all{kept}",
            f"--ambient-caps=-all{kept}", f"--bounding-set=-all{kept}", "/usr/bin/python3", "-c", UNDER_FILTER, REFUSED]


class files(unittest.TestCase):
    def setUp(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("there is no systemd-analyze")

    def test_the_units_expose_little(self):
        for unit in ("omnilink.service", "omnilink-netd.service"):
            said = subprocess.run(["systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", "--no-pager", f"{UNITS}/{unit}"],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(said.returncode, 0, said.stdout + said.stderr)


class pair:
    """Both processes, each with its unit's user, capabilities and refused system calls."""

    def __init__(self, rules=""):
        self.folder = tempfile.mkdtemp(prefix="omnilink-units-")
        self.uid, self.gid = omnilink.worker_ids()
        os.chmod(self.folder, 0o755)
        self.runtime = f"{self.folder}/run"
        os.mkdir(self.runtime)
        os.chown(self.runtime, self.uid, self.gid)
        self.config, self.socket = f"{self.folder}/omnilink.toml", f"{self.folder}/netd.sock"
        self.write(rules)
        self.ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ready.settimeout(30)
        self.ready.bind(f"{self.folder}/notify")
        os.chmod(f"{self.folder}/notify", 0o666)
        self.log = open(f"{self.folder}/log", "w+")
        activate = ["systemd-socket-activate", "--seqpacket", "-l", self.socket]
        self.netd = self.start([*as_unit(NETD_UID, self.gid, ["net_admin"]), omnilink.BINARY, "netd", "-c", self.config], activate)
        omnilink.wait_until(lambda: os.path.exists(self.socket), "systemd's socket")
        os.chown(self.socket, self.uid, self.gid)
        self.worker = None
        self.start_worker()

    def write(self, rules):
        world.write(self.config, f"""version = 1
[[listen]]
url = "redirect://127.0.0.1:0"
capture = {{ direction = "out", port = [{ORIGIN.port("greet")}] }}
{rules}""")
        os.chown(self.config, 0, self.gid)
        os.chmod(self.config, 0o640)

    def start(self, command, before=()):
        return subprocess.Popen([*before, *command], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=world.die_with_parent,
                                env={**os.environ, "NOTIFY_SOCKET": f"{self.folder}/notify", "RUNTIME_DIRECTORY": self.runtime})

    def start_worker(self):
        self.ready.setblocking(False)
        try:
            while self.ready.recv(4096):
                pass  # what the last one said
        except BlockingIOError:
            self.ready.settimeout(30)
        run = [omnilink.BINARY, "run", "-c", self.config, "--netd", self.socket]
        self.worker = self.start([*as_unit(self.uid, self.gid, []), *run])
        while b"READY=1" not in self.ready.recv(4096):
            pass

    def text(self):
        self.log.flush()
        with open(f"{self.folder}/log") as text:
            return text.read()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(self.text(), flush=True)
        for process in (self.worker, self.netd):
            process.terminate()
            process.wait(20)
        self.log.close()
        self.ready.close()
        subprocess.run(["nft", "delete", "table", "inet", "omnilink_guard"], capture_output=True)
        shutil.rmtree(self.folder)


class two_units(unittest.TestCase):
    def setUp(self):
        if shutil.which("systemd-socket-activate") is None:
            self.skipTest("there is no systemd-socket-activate")

    def dial(self):
        return omnilink.connect((world.ORIGIN4, ORIGIN.port("greet")))

    def greeted(self):
        with self.dial() as greeted:
            return origin.read_line(greeted)

    def status(self, process):
        with open(f"/proc/{process.pid}/status") as lines:
            return dict(line.rstrip("\n").split(":\t", 1) for line in lines)

    def test_D12_connections_wait_for_the_next_worker_and_none_is_refused(self):
        with pair() as units:
            self.assertEqual(self.greeted(), "220 origin ready")
            worker, netd = self.status(units.worker), self.status(units.netd)
            self.assertEqual((int(worker["CapPrm"], 16), int(worker["CapBnd"], 16), worker["Seccomp_filters"]), (0, 0, "2"), "its unit's and its own")
            self.assertEqual((int(netd["CapPrm"], 16), netd["Uid"].split()[0]), (1 << 12, str(NETD_UID)), "CAP_NET_ADMIN")
            for _ in range(2):
                units.worker.kill()
                units.worker.wait(20)
                with self.dial() as waiting:  # connected, though nobody is there
                    units.start_worker()
                    self.assertEqual(origin.read_line(waiting), "220 origin ready")
            self.assertIsNone(units.netd.poll())

    def test_reload_reads_through_netd_and_a_stop_leaves_netd_for_the_next_start(self):
        with pair() as units:
            units.write('[[rule]]\naction = "reject"\n')
            reloaded = omnilink.run("reload", "--socket", f"{units.runtime}/admin.sock")
            self.assertEqual(reloaded.returncode, 0, reloaded.stderr)
            with self.assertRaises(ConnectionResetError):
                self.greeted()
            units.worker.terminate()
            self.assertEqual(units.worker.wait(30), 0)
            with self.assertRaises(ConnectionRefusedError):
                self.greeted()  # by the guard: fail = closed
            units.write("")
            units.start_worker()
            self.assertEqual(self.greeted(), "220 origin ready")

    def test_without_netd_the_worker_ends_with_a_failure(self):
        with pair() as units:
            units.netd.kill()
            self.assertEqual(units.worker.wait(30), 1)
            self.assertIn("netd-lost", units.text())

    def test_another_user_is_not_heard(self):
        with pair() as units:
            os.chmod(units.socket, 0o666)
            units.worker.kill()
            units.worker.wait(20)
            as_nobody = [*as_unit(65534, 65534, []), "/usr/bin/python3", "-c",
                         "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(sys.argv[1]); print(s.recv(1))"]
            said = subprocess.run([*as_nobody, units.socket], capture_output=True, text=True, timeout=30)
            self.assertEqual(said.stdout.strip(), "b''", said.stderr)
            self.assertIn("stranger-refused", units.text())
