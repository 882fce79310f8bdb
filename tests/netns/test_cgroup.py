"""Cgroup listeners: real programs that know of no proxy, in a cgroup of the tests' own, and the kernel's programs at their connect().

    near                                                                 far
      <v2>/omnilink-test-PID/app      curl, python3, a static program
             | connect(ORIGIN) -> 127.0.0.1 or ::1
      <v2>/omnilink-test-PID/service  omnilink --- near0 -- veth -- far0 --- ORIGIN (203.0.113.10, 2001:db8:f::10)

`near` and `far` are network namespaces (support/world.py); the links are attached to app and service only.
"""

import collections
import json
import os
import shutil
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
import world


def setUpModule():
    global GROUPS, ORIGIN
    GROUPS = cgroups.prepare()
    unittest.addModuleCleanup(GROUPS.remove_all)
    ORIGIN = origin.origin()
    unittest.addModuleCleanup(ORIGIN.__exit__)


class cgroup(unittest.TestCase):
    def test_clients_of_all_kinds_get_there_and_see_what_they_dialled(self):
        size = 1 << 20
        all_of_them = programs.clients(ORIGIN, ORIGIN.serve("web", programs.web), GROUPS.inside("/app", []))
        with GROUPS.hooked() as service:
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
                self.assertEqual(GROUPS.client(host, port), f"220 origin ready|{host}|{port}|{own}")
                lines += 1

    def test_A10_tcp_without_a_plain_connect(self):
        """Whatever opens it, in both families, and IPv4 in an IPv6 socket: taken, and nothing of it on the cable."""
        world.write("/proc/sys/net/ipv4/tcp_fastopen", "3")
        port = ORIGIN.port("greet")
        ways = [("plain",), ("nonblocking",), ("fastopen",), ("fastopen_connect",), ("mptcp",), ("io_uring",), ("device",)]
        with GROUPS.hooked("reject") as service, capture.capture("near0") as cable:
            count = 0
            for host in (world.ORIGIN4, world.ORIGIN6, f"::ffff:{world.ORIGIN4}"):
                for how in [*ways, ("bound", {world.ORIGIN4: world.NEAR4, world.ORIGIN6: world.NEAR6}.get(host, f"::ffff:{world.NEAR4}"))]:
                    with self.subTest(host=host, how=how[0]):
                        self.assertIn(GROUPS.client(host, port, *how), ("ECONNRESET", "end"))
                        count += 1
                        self.assertEqual(service.access(-1, count)["destination"], world.written(host.removeprefix("::ffff:"), port))
        self.assertEqual({p[1] for p in cable.sent() if p[0] == "tcp"}, set())

    def test_A1_A4_who_was_not_sent_here_is_refused(self):
        """A direct hit, of a program in the cgroup or outside, and what a foreign nftables rule redirects: no guess where it wanted to go."""
        port = ORIGIN.port("greet")
        with GROUPS.hooked("reject") as service:
            own = service.where[0][1]
            for host in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
                self.assertIn(GROUPS.client(host, own), ("ECONNRESET",))
                with self.assertRaises(ConnectionResetError), omnilink.connect((host, own)) as hit:
                    hit.recv(1)
            # The same socket was taken once: what the kernel kept of that is not this connection's.
            self.assertEqual(GROUPS.client("127.0.0.1", own, "again", world.ORIGIN4), "ECONNRESET")
            rule = f"table ip foreign {{ chain output {{ type nat hook output priority -100; ip daddr {world.CLOSED4} tcp dport {port} redirect to :{own}; }}\n}}"
            subprocess.run(["nft", "-f", "-"], input=rule, text=True, check=True)
            self.addCleanup(subprocess.run, ["nft", "delete", "table", "ip", "foreign"], check=True)
            with self.assertRaises(ConnectionResetError), omnilink.connect((world.CLOSED4, port)) as redirected:
                redirected.recv(1)
            seen = [json.loads(line) for line in service.lines if '"verdict"' in line]
            self.assertEqual({line["verdict"] for line in seen if line["destination"] == "-"}, {"not_redirected"})
            self.assertEqual([line["destination"] for line in seen if line["destination"] != "-"], [f"{world.ORIGIN4}:{own}"])
            self.assertEqual(GROUPS.client(world.ORIGIN4, port), "ECONNRESET", "and it goes on")

    def taken(self, *words, host=world.ORIGIN4, **options):
        """Whether a connection of such a client reaches a listener whose chain refuses everything."""
        said = GROUPS.client(host, ORIGIN.port("greet"), *words, **options)
        self.assertIn(said.split("|")[0], ("ECONNRESET", "220 origin ready"))
        return said == "ECONNRESET"

    def test_what_is_taken_and_what_is_not(self):
        port = ORIGIN.port("greet")
        python = os.path.realpath(sys.executable)
        nobody = ["setpriv", "--reuid=65534", "--regid=65533", "--clear-groups"]

        def by(*prefix):
            command = [*prefix, sys.executable, "-c", connects.CLIENT, world.ORIGIN4, str(port), "plain"]
            return GROUPS.run(*command).stdout.strip() == "ECONNRESET"

        with GROUPS.hooked("reject", conditions=f"&port={port},1-5&cidr={world.ORIGIN4}"):
            self.assertTrue(self.taken())
            self.assertTrue(self.taken(host=f"::ffff:{world.ORIGIN4}"))
            self.assertFalse(self.taken(host=world.ORIGIN6), "another network")
            self.assertFalse(self.taken(name="/service"), "another cgroup")
        with GROUPS.hooked("reject", conditions=f"&port={port + 1}"):
            self.assertFalse(self.taken(), "another port")
        with GROUPS.hooked("reject", conditions="&uid=65534&gid=65533"):
            self.assertFalse(self.taken(), "another user")
            self.assertTrue(by(*nobody))
        with GROUPS.hooked("reject", conditions="&exe=/bin/sh"):
            self.assertFalse(self.taken(), "another program")
        with GROUPS.hooked("reject", conditions=f"&exe={python},/bin/sh"):
            self.assertTrue(self.taken())
            self.assertTrue(by("sh", "-c", '"$@"; exit', "sh"))
        with GROUPS.hooked("reject", conditions="&process=python3,other"):
            self.assertEqual(self.taken(), os.path.basename(sys.executable) == "python3")
        with subprocess.Popen(GROUPS.inside("/app", ["sh", "-c", 'read go; "$@"; read end', "sh", sys.executable, "-c", connects.CLIENT, world.ORIGIN4,
                                                     str(port), "plain"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as family:
            with GROUPS.hooked("reject", conditions=f"&pid={family.pid}"):
                self.assertFalse(self.taken(), "no child of it")
                family.stdin.write("\n")
                family.stdin.flush()
                self.assertEqual(family.stdout.readline().strip(), "ECONNRESET")
            family.stdin.write("\n")

    def test_this_machines_own_addresses_are_not_meant(self):
        """Where no network is named: loopback and the interfaces' addresses, those too that come later."""
        with GROUPS.hooked("reject"), socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as local:
            port = local.getsockname()[1]
            threading.Thread(target=lambda: [local.accept()[0].sendall(b"local\n") for _ in range(5)], daemon=True).start()
            for host in ("127.0.0.1", "::1", world.NEAR4, world.NEAR6):
                self.assertIn("local", GROUPS.client(host, port))
            world.near_ip("addr", "add", "198.51.100.77/24", "dev", "near0")
            self.addCleanup(world.near_ip, "addr", "del", "198.51.100.77/24", "dev", "near0")
            omnilink.wait_until(lambda: "local" in GROUPS.client("198.51.100.77", port), "the new address is known")

    def test_denied_and_rewritten_in_the_kernel(self):
        port = ORIGIN.port("greet")
        for name in ("EPERM", "ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH"):
            with GROUPS.hooked(conditions=f"&port={port}&deny={name}") as service, capture.capture("near0") as cable:
                for host in (world.ORIGIN4, world.ORIGIN6):
                    self.assertEqual(GROUPS.client(host, port), name)
            self.assertEqual({p[1] for p in cable.sent() if p[0] == "tcp"}, set())
        with GROUPS.hooked("reject", conditions=f"&rewrite=80:{port}") as service, capture.capture("near0") as cable:
            for host in (world.ORIGIN4, world.ORIGIN6):
                self.assertTrue(GROUPS.client(host, 80).startswith(f"220 origin ready|{host}|80|"))
            self.assertEqual(GROUPS.client(world.ORIGIN4, 81), "ECONNRESET", "the rest goes to the listener")
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
                self.assertTrue(GROUPS.client(host, 80).startswith(f"220 origin ready|{host}|80|"))
                self.assertEqual([GROUPS.client(host, other) for other in (81, 82)], ["ECONNRESET"] * 2)
            lines = [service.access(i, 4) for i in range(4)]
            self.assertEqual({line["destination"] for line in lines}, {world.written(host, p) for host in (world.ORIGIN4, world.ORIGIN6) for p in (81, 82)})
            self.assertEqual({line["verdict"] for line in lines}, {"rejected"})

    def test_A2_omnilinks_own_connections_are_left_alone(self):
        """It is in the very cgroup that it captures, among others; and the next worker is another process."""
        port = ORIGIN.port("greet")
        with GROUPS.hooked(inside=lambda command: GROUPS.inside("/app", command)) as service:
            for i in range(3):
                self.assertTrue(GROUPS.client(world.ORIGIN4, port).startswith("220 origin ready"))
                self.assertEqual(service.access(-1, i + 1)["verdict"], "ok")
                os.kill(omnilink.worker_of(service), signal.SIGKILL)
                omnilink.wait_until(lambda: sum('"event":"ready"' in line for line in service.lines) == i + 2, "the next worker", 20)
            self.assertEqual(sum('"verdict"' in line for line in service.lines), 3, "it ran away")
        # A cgroup of its own below the one that is captured, and nobody else in it.
        with GROUPS.hooked(group="") as service:
            self.assertTrue(GROUPS.client(world.ORIGIN4, port).startswith("220 origin ready"))
            self.assertTrue(GROUPS.client(world.ORIGIN6, port, name="/app").startswith("220 origin ready"))
            service.access(-1, 2)
            self.assertEqual(sum('"verdict"' in line for line in service.lines), 2)

    def test_a_cgroup_that_is_made_again_is_captured_again(self):
        """As that of a unit which is stopped and started."""
        GROUPS.add("/unit")
        self.addCleanup(GROUPS.remove, "/unit")
        port = ORIGIN.port("greet")
        with GROUPS.hooked("reject", conditions=f"&port={port}", group="/unit"):
            self.assertTrue(self.taken(name="/unit"))
            GROUPS.remove("/unit")
            GROUPS.add("/unit")
            omnilink.wait_until(lambda: self.taken(name="/unit"), "it is found")

    def test_two_units(self):
        """netd has the capabilities and no more; the service, of another user and cgroup, is among what is captured."""
        folder = tempfile.mkdtemp(prefix="omnilink-units-")
        os.chmod(folder, 0o755)
        uid, gid = omnilink.worker_ids()
        os.mkdir(f"{folder}/run")
        os.chown(f"{folder}/run", uid, gid)
        port = ORIGIN.port("greet")
        world.write(f"{folder}/omnilink.toml", f"""version = 1
[[listen]]
url = "cgroup://127.0.0.1:0"
capture = {{ cgroup = "{GROUPS.name}/app", port = {port} }}
fail = "open"
""")
        kept = "-all,+net_admin,+bpf,+perfmon,+chown"
        netd = ["setpriv", f"--bounding-set={kept}", f"--inh-caps={kept}", omnilink.BINARY, "netd", "-c", f"{folder}/omnilink.toml",
                "--socket", f"{folder}/netd.sock"]
        run = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs", "--bounding-set=-all", omnilink.BINARY,
               "run", "-c", f"{folder}/omnilink.toml", "--netd", f"{folder}/netd.sock"]
        with open(f"{folder}/log", "w+") as log:
            def start(group, command):
                process = subprocess.Popen(GROUPS.inside(group, command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           preexec_fn=world.die_with_parent, env={**os.environ, "RUNTIME_DIRECTORY": f"{folder}/run"})
                self.addCleanup(process.wait, 20)
                self.addCleanup(process.terminate)

            def said(what):
                with open(f"{folder}/log") as text:
                    return text.read().count(what)

            start("/service", netd)
            omnilink.wait_until(lambda: os.path.exists(f"{folder}/netd.sock"), "netd's socket")
            start("/app", run)
            omnilink.wait_until(lambda: said(" ready ") or said("omnilink: "), "the service", 20)
            for i, host in enumerate((world.ORIGIN4, world.ORIGIN6)):
                self.assertTrue(GROUPS.client(host, port).startswith(f"220 origin ready|{host}|"))
                omnilink.wait_until(lambda: said("verdict=") == i + 1, "one access line for each")
            self.assertEqual(said("verdict=ok"), 2)

    def test_who_connected_is_known_though_it_has_ended(self):
        """It, and its file, are gone before the service looks: what the hook saw decides the rule, and is what the log says."""
        port = ORIGIN.port("greet")
        folder = tempfile.mkdtemp(dir="/run")  # a file system of its own
        inner, bound = f"{folder}/{'d' * 200}/{'e' * 200}", f"{folder}/bound"
        os.makedirs(inner)
        os.mkdir(bound)
        world.check(world.libc.mount(os.path.dirname(inner).encode(), bound.encode(), None, world.MS_BIND, None), "mount --bind")
        self.addCleanup(subprocess.run, ["umount", bound], check=True)
        places = {f"{folder}/short": f"{folder}/short", f"{bound}/short": f"{bound}/short", f"{inner}/short": "short"}  # what is known of it: too long, and it is the name
        rules = f"""
[[rule]]
name = "short"
match = {{ exe = ["{folder}/short", "{bound}/short"], process = "short", cgroup = "{GROUPS.name}/app" }}
action = "direct"
[[rule]]
name = "rest"
action = "direct"
"""
        with GROUPS.hooked(conditions=f"&port={port}", more=rules) as service:
            worker = omnilink.worker_of(service)
            for i, (path, known) in enumerate(places.items()):
                shutil.copy("/bin/bash", path)
                os.kill(worker, signal.SIGSTOP)
                try:
                    with subprocess.Popen(GROUPS.inside("/app", [path, "-c", f"exec 3<>/dev/tcp/{world.ORIGIN4}/{port}"])) as program:
                        self.assertEqual(program.wait(20), 0)
                    os.remove(path)
                finally:
                    os.kill(worker, signal.SIGCONT)
                line = service.access(-1, i + 1)
                self.assertEqual({key: line[key] for key in ("exe", "pid", "uid", "cgroup", "rule")},
                                 {"exe": known, "pid": str(program.pid), "uid": "0", "cgroup": f"{GROUPS.name}/app", "rule": "short" if known.startswith("/") else "rest"})

    def test_another_network_namespace_is_not_ours(self):
        """127.0.0.1 there is somebody else's; a program of the cgroup that is in it goes its own way."""
        self.addCleanup(omnilink.run, "cleanup")
        with GROUPS.hooked("reject", fail="closed"):
            elsewhere = GROUPS.run("unshare", "--net", sys.executable, "-c", connects.CLIENT, world.ORIGIN4, "80", "plain").stdout.strip()
            self.assertEqual(elsewhere, "ENETUNREACH")

    def ask_as_owner_and_as_stranger(self, service, host, port):
        """The question is by the source that the accepted socket sees."""
        source = next(c["source"] for c in service.admin("connections")["connections"] if c["destination"] == world.written(host, port))
        asked = omnilink.run("query", "--socket", f"{service.folder}/query.sock", source)
        self.assertIn(world.written(host, port), asked.stdout, asked.stderr)
        os.chmod(service.folder, 0o755)
        stranger = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", omnilink.BINARY, "query", "--socket",
                                   f"{service.folder}/query.sock", source], capture_output=True, text=True, timeout=20)
        self.assertEqual(stranger.returncode, 4, stranger.stderr)

    def test_so_original_dst_of_the_accepted_socket_and_the_question_where_it_wanted_to_go(self):
        """What a program would ask that knows of nftables only, for which the storage of the socket answers; and `omnilink query`."""
        hold = threading.Event()
        self.addCleanup(hold.set)
        port = ORIGIN.serve("hold", lambda connection: hold.wait(30))
        with GROUPS.hooked() as service:
            for host, level, size in ((world.ORIGIN4, socket.SOL_IP, 16), (world.ORIGIN6, socket.IPPROTO_IPV6, 28)):
                with subprocess.Popen(GROUPS.inside("/app", [sys.executable, "-c", connects.CLIENT, host, str(port), "plain"]), stdout=subprocess.PIPE) as program:
                    omnilink.wait_until(lambda: any(c["destination"] == world.written(host, port) for c in service.admin("connections")["connections"]), "it runs")
                    raw = self.accepted_socket_option(service, level, size)
                    self.ask_as_owner_and_as_stranger(service, host, port)
                    program.kill()
                family = socket.AF_INET if size == 16 else socket.AF_INET6
                address = raw[4:8] if size == 16 else raw[8:24]
                self.assertEqual((socket.inet_ntop(family, address), int.from_bytes(raw[2:4], "big")), (host, port))
            hold.set()

    def accepted_socket_option(self, service, level, size):
        """Of the first socket of the worker's that knows of one."""
        SYS_pidfd_getfd, SO_ORIGINAL_DST = 438, 80
        worker = omnilink.worker_of(service)
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
        with GROUPS.hooked("reject", conditions="&cidr=203.0.113.0/24,2001:db8:f::/64") as service:
            running = [subprocess.Popen(GROUPS.inside("/app", [sys.executable, "-c", connects.STORM, str(i), str(each)]), stdout=subprocess.PIPE, text=True)
                       for i in range(storms)]
            dialled = collections.Counter()
            for one in running:
                for line in one.communicate(timeout=100)[0].splitlines():
                    six, own, host, port = line.split("|")
                    dialled[(world.written("::1" if six == "True" else "127.0.0.1", int(own)), world.written(host, int(port)))] += 1
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
