"""omnilink on a gateway: what a container opens through it, what its own programs open, and what others open to a service of its own.

    box (box.py)                          near: omnilink                                        far (world.py)
      curl, nc, python3, Go  --- veth ---  br0   forward      near0, masqueraded  --- veth ---   a hop, origins
                                           lo    out   curl, python3                             clients of near's service
                                           *     in    a service on port 9000

Both mechanisms, both address families, with one start of omnilink each.
"""

import json
import os
import select
import signal
import socket
import subprocess
import unittest

import box
import capture
import hops
import local_service
import omnilink
import origin
import programs
import servers
import world

SERVICE_PORT = 9000
SIZE = programs.MIB
BRIDGE_CALLS = [f"/proc/sys/net/bridge/bridge-nf-call-{tables}" for tables in ("iptables", "ip6tables")]


def setUpModule():
    global SERVERS, ORIGIN, WEB, HOP
    box.enter()
    if not world.is_root():
        raise unittest.SkipTest("a listener of netd's needs a service user, which needs root")
    SERVERS, ORIGIN = servers.servers(), origin.origin()
    unittest.addModuleCleanup(SERVERS.__exit__, None, None, None)
    unittest.addModuleCleanup(ORIGIN.__exit__)
    WEB = ORIGIN.serve("web", programs.web)
    HOP = SERVERS.microsocks()


def listeners(mechanism):
    """One for each direction; redirect listens where the kernel sends what came from elsewhere."""
    where = {"out": "127.0.0.1:0?", "in": "0.0.0.0:0?allow_remote=true&", "forward": "0.0.0.0:0?allow_remote=true&"}
    if mechanism == "tproxy":
        where = dict.fromkeys(where, "127.0.0.1:0?")
    conditions = {"out": "cidr=203.0.113.10/32,2001:db8:f::10/128", "forward": "iface=br0", "in": f"port={SERVICE_PORT}"}
    return [f"{mechanism}://{where[way]}direction={way}&{conditions[way]}" for way in where]


RULES = """
[[hop]]
name = "hop"
url = "{hop}"
[[chain]]
name = "out"
hops = ["hop"]
[[rule]]
match = {{ port = {port} }}
action = "direct"
[[rule]]
action = "chain:out"
"""


class through_the_gateway:
    MECHANISM = ""

    @classmethod
    def setUpClass(cls):
        calls = "0" if cls.MECHANISM == "tproxy" else "1"  # as docker leaves it, where that is possible
        for path in BRIDGE_CALLS:
            world.write(path, calls)
        cls.local = local_service.local_service(SERVICE_PORT)
        echo = ORIGIN.port("echo")
        cls.old = [call(lambda: omnilink.connect((host, echo), 20)) for call in (box.call, lambda f: f()) for host in (world.ORIGIN4, world.ORIGIN6)]
        cls.old.append(world.far_call(lambda: omnilink.connect((world.NEAR4, SERVICE_PORT), 20)))
        cls.cable = capture.capture("near0")
        cls.cable.__enter__()
        cls.service = omnilink.service(listen=listeners(cls.MECHANISM), more=RULES.format(hop=HOP.url, port=SERVICE_PORT))

    @classmethod
    def tearDownClass(cls):
        cls.local.close()
        for old in cls.old:
            old.close()
        cls.service.__exit__(None)
        cls.cable.__exit__()
        subprocess.run(["nft", "delete", "table", "inet", "omnilink_guard"], check=True)

    def access_lines(self, **wanted):
        made = [line for line in map(json.loads, filter(lambda l: l.startswith("{"), self.service.lines)) if "verdict" in line]
        return [line for line in made if all(line[key] == value for key, value in wanted.items())]

    def check_client(self, client, host, within):
        way = "up" if client == "python3" else "down"
        port = WEB if client == "curl" else ORIGIN.port(f"{way}load")
        wanted = dict(verdict="ok", destination=world.written(host, port), chain="out")
        before = len(self.access_lines(**wanted))
        digest, said = programs.clients(ORIGIN, WEB, within).run(client, host, way, SIZE)
        self.assertEqual(digest, [origin.digest_of(SIZE)], said)
        omnilink.wait_until(lambda: len(self.access_lines(**wanted)) == before + 1, f"an access line with {wanted}")
        return self.access_lines(**wanted)[-1]

    def test_a_container_s_programs(self):
        for host, client, source in ((world.ORIGIN4, "curl", box.BOX4), (world.ORIGIN4, "nc", box.BOX4), (world.ORIGIN4, "python3", box.BOX4),
                                     (world.ORIGIN6, "curl", box.BOX6), (world.ORIGIN6, "nc", box.BOX6), (world.ORIGIN6, "static_go", box.BOX6)):
            with self.subTest(client, host=host):
                line = self.check_client(client, host, box.in_box([]))
                self.assertEqual(line["source"].rpartition(":")[0].strip("[]"), source)

    def test_what_ran_before_lives_on(self):
        """A container's connections, near's own, and a client's to near's service: across the start, and reloads."""
        self.old[-1].recv(100)
        for _ in range(3):
            for i, old in enumerate(self.old):
                with self.subTest(i):
                    old.sendall(b"still here")
                    self.assertEqual(omnilink.read_exactly(old, 10), b"still here")
            self.assertEqual(omnilink.run("reload", "--socket", f"{self.service.folder}/admin.sock").stdout, "reloaded\n")
        self.assertEqual([line for line in self.access_lines() if line["destination"].endswith(f":{ORIGIN.port('echo')}")], [])

    def test_its_own_programs(self):
        for host, client in ((world.ORIGIN4, "curl"), (world.ORIGIN4, "static_go"), (world.ORIGIN6, "nc"), (world.ORIGIN6, "python3")):
            with self.subTest(client, host=host):
                self.check_client(client, host, ())

    def test_a_service_of_its_own_is_reached_through_us(self):
        """From elsewhere by way of omnilink, which comes to the same port by the loopback interface; and locally without."""
        for host in (world.NEAR4, world.NEAR6):
            wanted = dict(verdict="ok", destination=world.written(host, SERVICE_PORT), chain="direct")
            with self.subTest(host), world.far_call(lambda: omnilink.connect((host, SERVICE_PORT), 10)) as client:
                self.assertEqual(origin.read_line(client), f"service of {host}", "it is us whom the service sees")
                source = world.written(*client.getsockname()[:2])
            omnilink.wait_until(lambda: self.access_lines(source=source, **wanted), "its access line")
            with omnilink.connect((host, SERVICE_PORT), 10) as local:
                self.assertEqual(origin.read_line(local), f"service of {host}")
            self.assertEqual(len(self.access_lines(**wanted)), 1, "a local client is not from outside")

    def test_A1_a_direct_hit_is_reset(self):
        for where in (self.service.where[0], ("::1", self.service.where[0][1])):
            with self.assertRaises(ConnectionResetError), omnilink.connect(where, 10) as hit:
                hit.recv(1)
        # Nobody else comes to a port of ours either.
        for host in (world.NEAR4, world.NEAR6):
            for _, port in self.service.where:
                with self.assertRaises(OSError):
                    with world.far_call(lambda: omnilink.connect((host, port), 10)) as hit:
                        if hit.recv(1) == b"":
                            raise ConnectionResetError

    def test_A3_the_gateway_s_own_addresses_are_no_loops(self):
        """A container's connections to the gateway itself, and the gateway's to itself, are not captured."""
        with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as other:
            port = other.getsockname()[1]
            for call, hosts in ((box.call, (box.GATEWAY4, box.GATEWAY6, world.NEAR4)), (lambda f: f(), ("127.0.0.1", "::1", world.NEAR4))):
                for host in hosts:
                    with call(lambda: omnilink.connect((host, port), 10)), other.accept()[0]:
                        pass
        self.assertFalse(any('"verdict":"loop"' in line and f":{port}" in line for line in self.service.lines))

    def test_what_is_on_the_cable(self):
        """Nothing but the hop, and answers to clients of the service."""
        for host in (world.ORIGIN4, world.ORIGIN6):
            self.check_client("curl", host, box.in_box([]))
            self.check_client("curl", host, ())
        from_before = ORIGIN.port("echo")
        to_servers = {(p[1], p[2]) for p in self.cable.sent() if p[0] == "tcp" and p[1] not in (world.FAR4, world.FAR6) and p[2] != from_before}
        self.assertEqual(to_servers, set())


class killed:
    """fail = closed on the gateway: what ran is cut, what comes is refused, and nothing of either is on the cable."""

    MECHANISM = ""

    def check(self, kill):
        calls = "0" if self.MECHANISM == "tproxy" else "1"
        for path in BRIDGE_CALLS:
            world.write(path, calls)
        hop = hops.scripted(ORIGIN, hops.yes_then(hops.hold))
        service = omnilink.service(hop, listen=listeners(self.MECHANISM)[2:], settings='drain_timeout = "1s"')
        port = ORIGIN.port("greet")
        with capture.capture("near0") as cable:
            clients = [box.call(lambda: omnilink.connect((host, port), 20)) for host in (world.ORIGIN4, world.ORIGIN6)]
            for client in clients:
                client.sendall(b"x")
            omnilink.wait_until(lambda: len(json.loads(omnilink.run("connections", "--json", "--socket", f"{service.folder}/admin.sock").stdout)["connections"]) == 2, "they run")
            kill(service)
            for client in clients:
                with client, self.assertRaises(ConnectionError):
                    client.sendall(b"y")
                    if client.recv(1) == b"":
                        client.sendall(b"z")
                        client.recv(1)
                        raise ConnectionResetError
        self.assertEqual({p[1] for p in cable.sent() if p[2] == port}, set())
        return service, port

    def test_netd(self):
        def kill(service):
            with open(f"/proc/{service.process.pid}/task/{service.process.pid}/children") as children:
                worker = os.pidfd_open(int(children.read().split()[0]))
            service.process.kill()
            service.process.wait()
            self.assertTrue(select.select([worker], [], [], 30)[0])

        _, port = self.check(kill)
        with capture.capture("near0") as cable:
            for host in (world.ORIGIN4, world.ORIGIN6):
                with self.assertRaises(ConnectionRefusedError):
                    box.call(lambda: omnilink.connect((host, port), 20))
        self.assertEqual({p[1] for p in cable.sent() if p[2] == port}, set())
        omnilink.run("cleanup")

    def test_the_worker(self):
        def kill(service):
            ready = sum('"event":"ready"' in line for line in service.lines)
            with open(f"/proc/{service.process.pid}/task/{service.process.pid}/children") as children:
                os.kill(int(children.read().split()[0]), signal.SIGKILL)
            omnilink.wait_until(lambda: sum('"event":"ready"' in line for line in service.lines) > ready, "the next one", 20)

        service, _ = self.check(kill)
        service.__exit__(None)
        omnilink.run("cleanup")


class redirect_killed(killed, unittest.TestCase):
    MECHANISM = "redirect"


class tproxy_killed(killed, unittest.TestCase):
    MECHANISM = "tproxy"


class redirect(through_the_gateway, unittest.TestCase):
    MECHANISM = "redirect"


class tproxy(through_the_gateway, unittest.TestCase):
    MECHANISM = "tproxy"


class original_source(unittest.TestCase):
    """Nobody translates addresses here, and far knows the way back: a direct target sees the container itself."""

    @classmethod
    def setUpClass(cls):
        for path in BRIDGE_CALLS:
            world.write(path, "0")
        subprocess.run(["nft", "delete", "table", "inet", "docker"], check=True)
        world.far_ip("route", "add", "203.0.113.192/26", "via", world.NEAR4)
        world.far_ip("-6", "route", "add", "2001:db8:c::/64", "via", world.NEAR6)
        cls.target = world.far_call(lambda: local_service.local_service(SERVICE_PORT))

    @classmethod
    def tearDownClass(cls):
        cls.target.close()
        world.far_ip("route", "del", "203.0.113.192/26")
        world.far_ip("-6", "route", "del", "2001:db8:c::/64")
        subprocess.run(["nft", "-f", "-"], input=box.NAT, text=True, check=True)
        omnilink.run("cleanup")

    def listening(self, more="&original_source=true", **options):
        return omnilink.service(listen=[f"tproxy://127.0.0.1:0?direction=forward&iface=br0{more}"], **options)

    def dial(self, host, port=SERVICE_PORT):
        return box.call(lambda: omnilink.connect((host, port), 20))

    def seen(self, host, port=SERVICE_PORT):
        with self.dial(host, port) as client:
            return origin.read_line(client).removeprefix("service of ")

    def test_the_target_sees_the_client(self):
        with self.listening("") as service:
            self.assertEqual([self.seen(world.ORIGIN4), self.seen(world.ORIGIN6)], [world.NEAR4, world.NEAR6])
            service.access(-1, 2)
        for more in ("&original_source=true", "&original_source=true&fail=open"):
            with self.listening(more) as service:
                for i, (host, client) in enumerate(((world.ORIGIN4, box.BOX4), (world.ORIGIN6, box.BOX6))):
                    with self.dial(host) as connection:
                        self.assertEqual(origin.read_line(connection), f"service of {client}")
                        connection.sendall(b"x" * SIZE)
                        self.assertEqual(omnilink.read_exactly(connection, SIZE), b"x" * SIZE)
                    self.assertEqual([service.access(i, i + 1)[key] for key in ("verdict", "chain", "destination")], ["ok", "direct", world.written(host, SERVICE_PORT)])

    def test_more_at_once_than_netd_lends_at_once_and_the_next_worker(self):
        with self.listening() as service:
            for _ in range(2):
                clients = box.call(lambda: [omnilink.connect((host, SERVICE_PORT), 20) for _ in range(100) for host in (world.ORIGIN4, world.ORIGIN6)])
                for i, client in enumerate(clients):
                    with client:
                        self.assertEqual(origin.read_line(client), f"service of {(box.BOX4, box.BOX6)[i % 2]}")
                ready = sum('"event":"ready"' in line for line in service.lines)
                os.kill(omnilink.worker_of(service), signal.SIGKILL)
                omnilink.wait_until(lambda: sum('"event":"ready"' in line for line in service.lines) > ready, "the next one", 20)

    def test_what_it_is_not_for(self):
        rules = RULES.replace("[[rule]]", f'[[rule]]\nmatch = {{{{ port = 81 }}}}\naction = "redirect:[{world.ORIGIN6}]:{SERVICE_PORT}"\n[[rule]]', 1)
        with omnilink.service(listen=["tproxy://127.0.0.1:0?direction=forward&iface=br0&original_source=true"],
                              more=rules.format(hop=HOP.url, port=SERVICE_PORT)) as service:
            # Connected by the kernel, and reset by us, perhaps before connect() has returned.
            with self.assertRaises(ConnectionResetError), self.dial(world.ORIGIN4, 81) as other_family:
                other_family.recv(1)
            line = service.access()
            self.assertEqual(line["verdict"], "unsupported")
            self.assertIn("no address of the client's family", line["detail"])
            port = ORIGIN.port("greet")
            with self.dial(world.ORIGIN4, port) as by_a_hop:  # a chain's first hop sees us
                self.assertEqual(origin.read_line(by_a_hop), "220 origin ready")


class bridges(unittest.TestCase):
    def test_a_bridge_that_tproxy_cannot_serve_is_said(self):
        for path in BRIDGE_CALLS:
            world.write(path, "1")
        refused = subprocess.run([omnilink.BINARY, "run", "-qq", "-L", "tproxy://?direction=forward&iface=br0"], capture_output=True, text=True,
                                 timeout=20, stdin=subprocess.DEVNULL)
        self.assertEqual((refused.returncode, len(refused.stderr.splitlines())), (1, 1), refused.stderr)
        for word in ("bridge br0", "redirect", "bridge-nf-call-iptables"):
            self.assertIn(word, refused.stderr)
        with omnilink.service(listen=["tproxy://127.0.0.1:0?direction=forward&port=9&fail=open"]) as service:
            omnilink.wait_until(lambda: any("capture-limited" in line and "br0" in line for line in service.lines), "the warning")
        found = {f["subject"]: f for f in json.loads(omnilink.run("doctor", "--json").stdout)["findings"]}
        self.assertIn("br0", found["tproxy listeners: bridges"]["detail"])
