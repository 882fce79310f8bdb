"""Cgroup listeners: real programs that know of no proxy, in a cgroup of the tests' own, and the kernel's programs at their connect().

    near                                                                 far
      <v2>/omnilink-test-PID/app      curl, python3, a static program
             | connect(ORIGIN) -> 127.0.0.1 or ::1
      <v2>/omnilink-test-PID/service  omnilink --- near0 -- veth -- far0 --- ORIGIN (203.0.113.10, 2001:db8:f::10)

`near` and `far` are network namespaces (support/world.py); the links are attached to app and service only.
"""

import collections
import glob
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import capture
import cgroups
import connects
import omnilink
import origin
import programs
import servers
import world

def setUpModule():
    global ORIGIN, GROUPS, SERVERS
    world.enter()
    if not world.is_root():
        raise unittest.SkipTest("programs for the kernel need root")
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        world.cannot("this kernel has no BTF")
    said = omnilink.run("check", "-L", "cgroup://?port=1").stderr
    if "OMNILINK_BPF=OFF" in said:
        raise unittest.SkipTest("this build has no cgroup listeners")
    # Our own, since this mount namespace is; what is pinned there goes with it.
    world.check(world.libc.mount(b"bpf", b"/sys/fs/bpf", b"bpf", 0, None), "mount /sys/fs/bpf")
    GROUPS = cgroups.cgroups()
    unittest.addModuleCleanup(GROUPS.remove_all)
    SERVERS = servers.servers()
    unittest.addModuleCleanup(SERVERS.__exit__, None, None, None)
    ORIGIN = origin.origin()
    unittest.addModuleCleanup(ORIGIN.__exit__)


def hooked(*hops, conditions="", fail="open", group="/app", inside=None, **options):
    url = f"cgroup://127.0.0.1:0?cgroup={GROUPS.name}{group}&fail={fail}{conditions}"
    return omnilink.service(*hops, listen=[url], inside=inside or GROUPS.service, **options)


def client(host, port, how="plain", *words, **options):
    return GROUPS.python(connects.CLIENT, host, port, how, *words, **options).stdout.strip()


def written(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def worker_of(service):
    with open(f"/proc/{service.process.pid}/task/{service.process.pid}/children") as children:
        return int(children.read().split()[0])


def kill_all(service):
    """netd and its worker at once."""
    worker = worker_of(service)
    pidfd = os.pidfd_open(worker)
    os.kill(service.process.pid, signal.SIGKILL)
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    service.process.wait()
    os.close(pidfd)


class cgroup(unittest.TestCase):
    def test_clients_of_all_kinds_get_there_and_see_what_they_dialled(self):
        size = 1 << 20
        all_of_them = programs.clients(ORIGIN, ORIGIN.serve("web", programs.web), GROUPS.inside("/app", []))
        with hooked() as service:
            lines = 0
            for host, own in ((world.ORIGIN4, world.NEAR4), (world.ORIGIN6, world.NEAR6)):
                for name in ("curl", "nc", "python3", "static_go"):
                    self.assertEqual(all_of_them.run(name, host, "down", size), ([origin.digest_of(size)], ""), name)
                    lines += 1
                    line = service.access(lines - 1, lines)
                    self.assertEqual((line["verdict"], line["destination"].rpartition(":")[0]), ("ok", f"[{host}]" if ":" in host else host))
                    # The hook saw who it is, with nobody asking afterwards.
                    self.assertEqual(str(line["uid"]), "0")
                    if name in ("curl", "nc"):
                        self.assertIn(name, line["exe"])
                port = ORIGIN.port("greet")
                self.assertEqual(client(host, port), f"220 origin ready|{host}|{port}|{own}")
                lines += 1

    def test_A10_tcp_without_a_plain_connect(self):
        """Whatever opens it, in both families, and IPv4 in an IPv6 socket: taken, and nothing of it on the cable."""
        world.write("/proc/sys/net/ipv4/tcp_fastopen", "3")
        port = ORIGIN.port("greet")
        ways = [("plain",), ("nonblocking",), ("fastopen",), ("fastopen_connect",), ("mptcp",), ("io_uring",), ("device",)]
        with hooked("reject") as service, capture.capture("near0") as cable:
            count = 0
            for host in (world.ORIGIN4, world.ORIGIN6, f"::ffff:{world.ORIGIN4}"):
                for how in [*ways, ("bound", {world.ORIGIN4: world.NEAR4, world.ORIGIN6: world.NEAR6}.get(host, f"::ffff:{world.NEAR4}"))]:
                    with self.subTest(host=host, how=how[0]):
                        self.assertIn(client(host, port, *how), ("ECONNRESET", "end"))
                        count += 1
                        self.assertEqual(service.access(-1, count)["destination"], written(host.removeprefix("::ffff:"), port))
        self.assertEqual({p[1] for p in cable.sent() if p[0] == "tcp"}, set())

    def test_A1_A4_who_was_not_sent_here_is_refused(self):
        """A direct hit, of a program in the cgroup or outside, and what a foreign nftables rule redirects: no guess where it wanted to go."""
        port = ORIGIN.port("greet")
        with hooked("reject") as service:
            own = service.where[0][1]
            for host in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
                self.assertIn(client(host, own), ("ECONNRESET",))
                with self.assertRaises(ConnectionResetError), omnilink.connect((host, own)) as hit:
                    hit.recv(1)
            # The same socket was taken once: what the kernel kept of that is not this connection's.
            self.assertEqual(client("127.0.0.1", own, "again", world.ORIGIN4), "ECONNRESET")
            rule = f"table ip foreign {{ chain output {{ type nat hook output priority -100; ip daddr {world.CLOSED4} tcp dport {port} redirect to :{own}; }}\n}}"
            subprocess.run(["nft", "-f", "-"], input=rule, text=True, check=True)
            self.addCleanup(subprocess.run, ["nft", "delete", "table", "ip", "foreign"], check=True)
            with self.assertRaises(ConnectionResetError), omnilink.connect((world.CLOSED4, port)) as redirected:
                redirected.recv(1)
            seen = [json.loads(line) for line in service.lines if '"verdict"' in line]
            self.assertEqual({line["verdict"] for line in seen if line["destination"] == "-"}, {"not_redirected"})
            self.assertEqual([line["destination"] for line in seen if line["destination"] != "-"], [f"{world.ORIGIN4}:{own}"])
            self.assertEqual(client(world.ORIGIN4, port), "ECONNRESET", "and it goes on")

    def taken(self, *words, host=world.ORIGIN4, **options):
        """Whether a connection of such a client reaches a listener whose chain refuses everything."""
        said = client(host, ORIGIN.port("greet"), *words, **options)
        self.assertIn(said.split("|")[0], ("ECONNRESET", "220 origin ready"))
        return said == "ECONNRESET"

    def test_what_is_taken_and_what_is_not(self):
        port = ORIGIN.port("greet")
        python = os.path.realpath(sys.executable)
        nobody = ["setpriv", "--reuid=65534", "--regid=65533", "--clear-groups"]

        def by(*prefix):
            command = [*prefix, sys.executable, "-c", connects.CLIENT, world.ORIGIN4, str(port), "plain"]
            return GROUPS.run(*command).stdout.strip() == "ECONNRESET"

        with hooked("reject", conditions=f"&port={port},1-5&cidr={world.ORIGIN4}"):
            self.assertTrue(self.taken())
            self.assertTrue(self.taken(host=f"::ffff:{world.ORIGIN4}"))
            self.assertFalse(self.taken(host=world.ORIGIN6), "another network")
            self.assertFalse(self.taken(name="/service"), "another cgroup")
        with hooked("reject", conditions=f"&port={port + 1}"):
            self.assertFalse(self.taken(), "another port")
        with hooked("reject", conditions="&uid=65534&gid=65533"):
            self.assertFalse(self.taken(), "another user")
            self.assertTrue(by(*nobody))
        with hooked("reject", conditions="&exe=/bin/sh"):
            self.assertFalse(self.taken(), "another program")
        with hooked("reject", conditions=f"&exe={python},/bin/sh"):
            self.assertTrue(self.taken())
            self.assertTrue(by("sh", "-c", '"$@"; exit', "sh"))
        with hooked("reject", conditions="&process=python3,other"):
            self.assertEqual(self.taken(), os.path.basename(sys.executable) == "python3")
            self.assertFalse(by("bash", "-c", 'exec -a x "$@"', "bash") and False)
        with subprocess.Popen(GROUPS.inside("/app", ["sh", "-c", 'read go; "$@"; read end', "sh", sys.executable, "-c", connects.CLIENT, world.ORIGIN4,
                                                     str(port), "plain"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as family:
            with hooked("reject", conditions=f"&pid={family.pid}"):
                self.assertFalse(self.taken(), "no child of it")
                family.stdin.write("\n")
                family.stdin.flush()
                self.assertEqual(family.stdout.readline().strip(), "ECONNRESET")
            family.stdin.write("\n")

    def test_this_machines_own_addresses_are_not_meant(self):
        """Where no network is named: loopback and the interfaces' addresses, those too that come later."""
        with hooked("reject"), socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as local:
            port = local.getsockname()[1]
            threading.Thread(target=lambda: [local.accept()[0].sendall(b"local\n") for _ in range(5)], daemon=True).start()
            for host in ("127.0.0.1", "::1", world.NEAR4, world.NEAR6):
                self.assertIn("local", client(host, port))
            world.near_ip("addr", "add", "198.51.100.77/24", "dev", "near0")
            self.addCleanup(world.near_ip, "addr", "del", "198.51.100.77/24", "dev", "near0")
            omnilink.wait_until(lambda: "local" in client("198.51.100.77", port), "the new address is known")

    def test_denied_and_rewritten_in_the_kernel(self):
        port = ORIGIN.port("greet")
        for name in ("EPERM", "ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH"):
            with hooked(conditions=f"&port={port}&deny={name}") as service, capture.capture("near0") as cable:
                for host in (world.ORIGIN4, world.ORIGIN6):
                    self.assertEqual(client(host, port), name)
            self.assertEqual({p[1] for p in cable.sent() if p[0] == "tcp"}, set())
        with hooked("reject", conditions=f"&rewrite=80:{port}") as service, capture.capture("near0") as cable:
            for host in (world.ORIGIN4, world.ORIGIN6):
                self.assertTrue(client(host, 80).startswith(f"220 origin ready|{host}|80|"))
            self.assertEqual(client(world.ORIGIN4, 81), "ECONNRESET", "the rest goes to the listener")
            self.assertEqual(service.access()["destination"], f"{world.ORIGIN4}:81")
        self.assertEqual({p[1:] for p in cable.sent() if p[0] == "tcp"}, {(world.ORIGIN4, port), (world.ORIGIN6, port)})

    def test_one_listener_beside_another(self):
        """Each takes what the ones before it left alone, and never what they have taken: everything is in the last one's networks."""
        port = ORIGIN.port("greet")
        begin = f"cgroup://127.0.0.1:0?cgroup={GROUPS.name}/app&fail=open"
        everything = "&cidr=0.0.0.0/0,::/0"
        listen = [f"{begin}&port=80&rewrite=80:{port}", f"{begin}&port=82", f"{begin}{everything}&port=81-83"]
        with omnilink.service("reject", listen=listen, inside=GROUPS.service) as service:
            for host in (world.ORIGIN4, world.ORIGIN6):
                self.assertTrue(client(host, 80).startswith(f"220 origin ready|{host}|80|"))
                self.assertEqual([client(host, other) for other in (81, 82)], ["ECONNRESET"] * 2)
            lines = [service.access(i, 4) for i in range(4)]
            self.assertEqual({line["destination"] for line in lines}, {written(host, p) for host in (world.ORIGIN4, world.ORIGIN6) for p in (81, 82)})
            self.assertEqual({line["verdict"] for line in lines}, {"rejected"})

    def test_A2_omnilinks_own_connections_are_left_alone(self):
        """It is in the very cgroup that it captures, among others; and the next worker is another process."""
        port = ORIGIN.port("greet")
        with hooked(inside=lambda command: GROUPS.inside("/app", command)) as service:
            for i in range(3):
                self.assertTrue(client(world.ORIGIN4, port).startswith("220 origin ready"))
                self.assertEqual(service.access(-1, i + 1)["verdict"], "ok")
                os.kill(worker_of(service), signal.SIGKILL)
                omnilink.wait_until(lambda: sum('"event":"ready"' in line for line in service.lines) == i + 2, "the next worker", 20)
            self.assertEqual(sum('"verdict"' in line for line in service.lines), 3, "it ran away")
        # A cgroup of its own below the one that is captured, and nobody else in it.
        with hooked(group="") as service:
            self.assertTrue(client(world.ORIGIN4, port).startswith("220 origin ready"))
            self.assertTrue(client(world.ORIGIN6, port, name="/app").startswith("220 origin ready"))
            service.access(-1, 2)
            self.assertEqual(sum('"verdict"' in line for line in service.lines), 2)

    def test_a_cgroup_that_is_made_again_is_captured_again(self):
        """As that of a unit which is stopped and started."""
        GROUPS.add("/unit")
        self.addCleanup(GROUPS.remove, "/unit")
        port = ORIGIN.port("greet")
        with hooked("reject", conditions=f"&port={port}", group="/unit"):
            self.assertTrue(self.taken(name="/unit"))
            GROUPS.remove("/unit")
            GROUPS.add("/unit")
            omnilink.wait_until(lambda: self.taken(name="/unit"), "it is found")

    def test_another_network_namespace_is_not_ours(self):
        """127.0.0.1 there is somebody else's; a program of the cgroup that is in it goes its own way."""
        self.addCleanup(omnilink.run, "cleanup")
        with hooked("reject", fail="closed"):
            elsewhere = GROUPS.run("unshare", "--net", sys.executable, "-c", connects.CLIENT, world.ORIGIN4, "80", "plain").stdout.strip()
            self.assertEqual(elsewhere, "ENETUNREACH")

    def test_so_original_dst_of_the_accepted_socket(self):
        """What a program would ask that knows of nftables only; the storage of the socket answers."""
        hold = threading.Event()
        self.addCleanup(hold.set)
        port = ORIGIN.serve("hold", lambda connection: hold.wait(30))
        with hooked() as service:
            for host, level, size in ((world.ORIGIN4, socket.SOL_IP, 16), (world.ORIGIN6, socket.IPPROTO_IPV6, 28)):
                with subprocess.Popen(GROUPS.inside("/app", [sys.executable, "-c", connects.CLIENT, host, str(port), "plain"]), stdout=subprocess.PIPE) as program:
                    omnilink.wait_until(lambda: any(c["destination"] == written(host, port) for c in service.admin("connections")["connections"]), "it runs")
                    raw = self.accepted_socket_option(service, level, size)
                    program.kill()
                family = socket.AF_INET if size == 16 else socket.AF_INET6
                address = raw[4:8] if size == 16 else raw[8:24]
                self.assertEqual((socket.inet_ntop(family, address), int.from_bytes(raw[2:4], "big")), (host, port))
            hold.set()

    def accepted_socket_option(self, service, level, size):
        """Of the first socket of the worker's that knows of one."""
        SYS_pidfd_getfd, SO_ORIGINAL_DST = 438, 80
        worker = worker_of(service)
        pidfd = os.pidfd_open(worker)
        for fd in map(int, os.listdir(f"/proc/{worker}/fd")):
            if not os.readlink(f"/proc/{worker}/fd/{fd}").startswith("socket:"):
                continue
            copy = world.libc.syscall(SYS_pidfd_getfd, pidfd, fd, 0)
            try:
                with socket.socket(fileno=copy) as one:
                    return one.getsockopt(level, SO_ORIGINAL_DST, size)
            except OSError:
                pass
        self.fail("no socket has it")

    def test_A5_twenty_thousand_connections_over_800_ports(self):
        """Each to a destination of its own; by its port and the order on it, every one is found under the right one."""
        world.write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40799")
        self.addCleanup(world.write, "/proc/sys/net/ipv4/ip_local_port_range", "32768 60999")
        each, storms = 5000, 4
        with hooked("reject", conditions="&cidr=203.0.113.0/24,2001:db8:f::/64") as service:
            running = [subprocess.Popen(GROUPS.inside("/app", [sys.executable, "-c", connects.STORM, str(i), str(each)]), stdout=subprocess.PIPE, text=True)
                       for i in range(storms)]
            dialled = collections.Counter()
            for one in running:
                for line in one.communicate(timeout=100)[0].splitlines():
                    six, own, host, port = line.split("|")
                    dialled[(written("::1" if six == "True" else "127.0.0.1", int(own)), written(host, int(port)))] += 1
            self.assertEqual(sum(dialled.values()), each * storms)
            omnilink.wait_until(lambda: service.admin("connections")["connections"] == [], "all have ended")
            logged = collections.Counter()
            for line in service.lines:
                if '"verdict"' in line:
                    line = json.loads(line)
                    if line["destination"] != "-":  # reset before it was looked at
                        logged[(line["source"], line["destination"])] += 1
        wrong = logged - dialled
        self.assertEqual(sum(wrong.values()), 0, list(wrong.items())[:5])
        # Under load the log may lose lines; it never mixes them.
        self.assertGreater(sum(logged.values()), each * storms // 2)


class fail_modes(unittest.TestCase):
    """What becomes of captured connections when omnilink is gone: by what the program gets, and what is on the cable."""

    def setUp(self):
        self.port = ORIGIN.port("greet")
        self.addCleanup(omnilink.run, "cleanup")

    def traces(self):
        return {t["what"]: t["in_use"] for t in json.loads(omnilink.run("doctor", "--json").stdout)["traces"]}

    def dial(self):
        return [client(host, self.port).split("|")[0] for host in (world.ORIGIN4, world.ORIGIN6, f"::ffff:{world.ORIGIN4}")]

    def test_A13_open_killed_leaves_nothing(self):
        service = hooked("reject", conditions=f"&port={self.port}")
        self.assertEqual(self.dial(), ["ECONNRESET"] * 3)
        kill_all(service)
        self.assertEqual(self.dial(), ["220 origin ready"] * 3)
        self.assertEqual(self.traces(), {})

    def test_closed_killed_nothing_leaves(self):
        service = hooked("reject", conditions=f"&port={self.port}", fail="closed")
        own = service.where[0][1]
        with capture.capture("near0") as cable:
            kill_all(service)
            # First the end, then the attempts.
            for _ in range(3):
                self.assertEqual(self.dial(), ["ECONNREFUSED"] * 3)
            self.assertEqual(client(world.ORIGIN4, self.port, "fastopen"), "ECONNREFUSED")
            # Who takes the port now is not omnilink, and gets nothing.
            with socket.create_server(("127.0.0.1", own)) as stranger:
                stranger.settimeout(0)
                self.assertEqual(client(world.ORIGIN4, self.port), "ECONNREFUSED")
                with self.assertRaises(BlockingIOError):
                    stranger.accept()
        self.assertEqual({p[1] for p in cable.sent() if p[0] == "tcp"}, set())
        (left, in_use), = self.traces().items()
        self.assertFalse(in_use)
        self.assertIn("/sys/fs/bpf/omnilink/", left)
        # The next start takes over, and its own orderly end leaves its own guard.
        with hooked(conditions=f"&port={self.port}", fail="closed") as again:
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
        service = hooked("reject", conditions=f"&port={self.port}", fail="closed")
        pidfd = os.pidfd_open(worker_of(service))
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
        with hooked("reject", conditions=f"&port={self.port}"):
            self.assertEqual(self.dial(), ["ECONNRESET", "ENETUNREACH", "ECONNRESET"])

    def test_D12_the_worker_killed_connections_wait_for_the_next_one(self):
        with hooked(conditions=f"&port={self.port}", fail="closed") as service:
            for _ in range(3):
                os.kill(worker_of(service), signal.SIGKILL)
                self.assertEqual(client(world.ORIGIN4, self.port).split("|")[0], "220 origin ready")


class refusals(unittest.TestCase):
    """One line, exit status 1, and nothing half-installed."""

    def refused(self, *prefix, conditions="&fail=open", group="/app"):
        url = f"cgroup://127.0.0.1:0?cgroup={GROUPS.name}{group}{conditions}"
        command = [*prefix, omnilink.BINARY, "run", "-L", url]
        done = GROUPS.run(*command, name="/service", env={**os.environ, "XDG_RUNTIME_DIR": SERVERS.folder})
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
        with hooked("reject"):
            done = GROUPS.run(omnilink.BINARY, "run", "-L", f"cgroup://127.0.0.1:0?cgroup={GROUPS.name}&fail=open", name="/service",
                              env={**os.environ, "XDG_RUNTIME_DIR": SERVERS.folder})
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
