"""What a listener captures, condition by condition; and that of many connections at once each keeps its own destination.

    near (world.py): programs of other groups, cgroups, marks and addresses                    far: origins
      198.51.100.1, .77 and .78 ── rules: one listener for each condition ── near0 ── veth ── far0
"""

import contextlib
import json
import os
import resource
import selectors
import socket
import struct
import subprocess
import threading
import unittest

import hops
import omnilink
import origin
import world

GROUP, MARK, OTHER4, OTHER6 = 12345, 0x77, "198.51.100.77", "2001:db8:1::77"


def setUpModule():
    global ORIGIN
    world.enter()
    if not world.is_root():
        raise unittest.SkipTest("a listener of netd's needs a service user, which needs root")
    ORIGIN = origin.origin()
    unittest.addModuleCleanup(ORIGIN.__exit__)
    for address in (f"{OTHER4}/24", "198.51.100.78/24"):
        world.near_ip("addr", "add", address, "dev", "near0")
    world.near_ip("addr", "add", f"{OTHER6}/64", "dev", "near0", "nodad", "preferred_lft", "0")  # chosen by nobody who does not ask for it


def hierarchy():
    with open("/proc/self/mounts") as mounts:
        for line in mounts:
            if line.split()[2] == "cgroup2":
                return line.split()[1]
    world.cannot("there are no cgroups of version 2")


class conditions(unittest.TestCase):
    def connect(self, host, port, mark=0, source=None):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as one:
            one.settimeout(20)
            if mark:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
            if source:
                one.bind((source, 0))
            one.connect((host, port))
            return one.recv(3)

    def run_in(self, host, port, preexec):
        def before():
            world.die_with_parent()
            preexec()

        return subprocess.run(["bash", "-c", f"head -n1 < /dev/tcp/{host}/{port}"], capture_output=True, text=True, timeout=60, preexec_fn=before).stdout[:3]

    def check(self, mechanism):
        port = ORIGIN.port("greet")
        more = {"gid": f"gid={GROUP}", "mark": f"mark={MARK:#x}/0xff", "source": f"source={OTHER4},{OTHER6}", "iface": "iface=lo",
                "networks": f"cidr=203.0.113.10/32,2001:db8:f::10/128&port={ORIGIN.port('count')}"}
        with omnilink.service("reject", listen=[f"{mechanism}://127.0.0.1:0?fail=open&{one}" for one in more.values()]):
            for host, other in ((world.ORIGIN4, OTHER4), (world.ORIGIN6, OTHER6)):
                with self.subTest(host):
                    self.assertEqual(self.connect(host, port), b"220", "meets none")
                    self.assertEqual(self.run_in(host, port, lambda: os.setgid(GROUP)), "")
                    self.assertEqual(self.run_in(host, port, lambda: os.setgid(GROUP + 1)), "220")
                    for captured in (dict(mark=MARK), dict(mark=MARK | 0x100), dict(source=other)):
                        with self.assertRaises(ConnectionResetError, msg=captured):
                            self.connect(host, port, **captured)
                    self.assertEqual(self.connect(host, port, mark=MARK + 1), b"220")
                    with self.assertRaises(ConnectionResetError):
                        self.connect(host, ORIGIN.port("count"))
            self.assertEqual(self.connect(world.ORIGIN4, port, source="198.51.100.78"), b"220")

    def test_redirect(self):
        self.check("redirect")

    def test_tproxy(self):
        self.check("tproxy")

    def test_A2_A3_a_hop_on_this_machine_and_a_second_omnilink(self):
        """The hop is another omnilink on the same host, whose user is not captured."""
        port = ORIGIN.port("greet")
        for mechanism in ("redirect", "tproxy"):
            for where in ("127.0.0.1", "::1", world.NEAR4):
                with omnilink.service(address=where) as second, \
                        omnilink.service(second, listen=[f"{mechanism}://127.0.0.1:0?uid={world.NOBODY}&fail=open"]) as first:
                    for host in (world.ORIGIN4, world.ORIGIN6):
                        with self.subTest(mechanism, hop=where, host=host):
                            self.assertEqual(self.run_in(host, port, lambda: os.setuid(world.NOBODY)), "220")
                    self.assertEqual([first.access(i, 2)["verdict"] for i in range(2)], ["ok", "ok"])
                    self.assertEqual([second.access(i, 2)["verdict"] for i in range(2)], ["ok", "ok"])

    def test_a_cgroup_that_comes_goes_and_comes_again(self):
        base = f"{hierarchy()}/omnilink-test-{os.getpid()}"
        one = f"{base}/one"
        port = ORIGIN.port("greet")

        def inside():
            with open(f"{one}/procs" if os.path.exists(f"{one}/procs") else f"{one}/cgroup.procs", "w") as procs:
                procs.write("0")

        def captured(host):
            return self.run_in(host, port, inside) == ""

        os.mkdir(base)
        self.addCleanup(lambda: [os.rmdir(path) for path in (one, base) if os.path.exists(path)])
        listen = [f"{mechanism}://127.0.0.1:0?cgroup=/{os.path.basename(base)}/one&port={port}&cidr={host}"
                  for mechanism, host in (("redirect", world.ORIGIN4), ("tproxy", world.ORIGIN6))]
        with omnilink.service("reject", listen=listen) as service:
            self.addCleanup(omnilink.run, "cleanup")
            omnilink.wait_until(lambda: any("capture-limited" in line and "there is no cgroup" in line for line in service.lines), "the warning")
            for again in range(3):
                os.mkdir(one)
                for host in (world.ORIGIN4, world.ORIGIN6):
                    omnilink.wait_until(lambda: captured(host), f"captured, {again}", 20)
                    self.assertEqual(self.connect(host, port), b"220", "it is not in it")
                os.rmdir(one)


class many(unittest.TestCase):
    """20 000 connections from 800 source ports to five destinations, 4000 at once; each is told where it arrived."""

    PORTS, ROUNDS, FIRST = 800, 5, 20000

    def serve(self, stop):
        """Tells each connection which of its own addresses it came to."""
        listeners = world.far_call(lambda: [socket.create_server((world.ORIGIN4 if i % 2 else world.CLOSED4, 7000 + i), backlog=4096) for i in range(5)])

        def loop():
            with selectors.DefaultSelector() as waits, contextlib.ExitStack() as all_of_them:
                for listener in listeners:
                    all_of_them.enter_context(listener)
                    listener.setblocking(False)
                    waits.register(listener, selectors.EVENT_READ)
                while not stop.is_set():
                    for key, _ in waits.select(0.2):
                        if key.fileobj in listeners:
                            for _ in range(64):
                                try:
                                    connection, _ = key.fileobj.accept()
                                except BlockingIOError:
                                    break
                                host, port = connection.getsockname()
                                connection.sendall(socket.inet_aton(host) + struct.pack("!H", port))
                                waits.register(connection, selectors.EVENT_READ)
                        elif not self.reads(key.fileobj):
                            waits.unregister(key.fileobj)
                            key.fileobj.close()

        thread = threading.Thread(target=loop)
        thread.start()
        return thread, [listener.getsockname() for listener in listeners]

    def reads(self, connection):
        try:
            return connection.recv(16) != b""
        except OSError:
            return False

    def one_round(self, targets):
        """Every source port to every target at once; returns what is wrong."""
        wrong = []
        with selectors.DefaultSelector() as waits, contextlib.ExitStack() as open_ones:
            left = 0
            for port in range(self.FIRST, self.FIRST + self.PORTS):
                for target in targets:
                    one = open_ones.enter_context(socket.socket())
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    one.setblocking(False)
                    one.bind((world.NEAR4, port))
                    one.connect_ex(target)
                    waits.register(one, selectors.EVENT_READ, target)
                    left += 1
            while left:
                ready = waits.select(30)
                if not ready:
                    return [*wrong, f"{left} without an answer"]
                for key, _ in ready:
                    left -= 1
                    waits.unregister(key.fileobj)
                    try:
                        said = key.fileobj.recv(16)
                    except OSError as error:
                        wrong.append(repr(error))
                        continue
                    if said != socket.inet_aton(key.data[0]) + struct.pack("!H", key.data[1]):
                        wrong.append(f"{key.data} got {said}")
        return wrong

    def check(self, mechanism):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit[1] < 20000:
            world.cannot("4000 connections at once need a limit of 20000 descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
        stop = threading.Event()
        thread, targets = self.serve(stop)
        try:
            with omnilink.service(listen=[f"{mechanism}://127.0.0.1:0?port=7000-7004&fail=open"], flags=["-q"], settings="max_connections = 4500") as service:
                for _ in range(self.ROUNDS):
                    self.assertEqual(self.one_round(targets)[:5], [])
                    omnilink.wait_until(lambda: service.admin("connections")["connections"] == [], "they have ended", 30)
        finally:
            stop.set()
            thread.join()

    def test_A5_redirect(self):
        self.check("redirect")

    def test_A5_tproxy(self):
        self.check("tproxy")


class what_runs_out(unittest.TestCase):
    def test_A14_conntrack_is_nearly_full(self):
        with omnilink.service(listen=[f"redirect://127.0.0.1:0?port={ORIGIN.port('greet')}&fail=open"]) as service:
            self.assertFalse(any("conntrack-nearly-full" in line for line in service.lines))
            with omnilink.connect((world.ORIGIN4, ORIGIN.port("greet"))) as client:
                client.recv(3)
        # The real limit is the whole machine's; this namespace is shown another one.
        limit = "/proc/sys/net/netfilter/nf_conntrack_max"
        world.over(limit, "1\n")
        try:
            with omnilink.service(listen=["redirect://127.0.0.1:0?port=9&fail=open"]) as service:
                omnilink.wait_until(lambda: any("conntrack-nearly-full" in line for line in service.lines), "the warning")
                line = next(json.loads(line) for line in service.lines if "conntrack-nearly-full" in line)
                self.assertEqual(line["most"], 1)
                self.assertIn("nf_conntrack_max", line["remedy"])
            found = {f["subject"]: f for f in json.loads(omnilink.run("doctor", "--json").stdout)["findings"]}
            self.assertFalse(found["conntrack"]["ok"])
        finally:
            world.check(world.libc.umount2(limit.encode(), 2), "umount")

    def test_A15_no_port_is_left_towards_a_hop(self):
        """A failure of that hop, said as such; the connections that run go on, and one that ends makes room."""
        hop = hops.scripted(ORIGIN, hops.yes_then(ORIGIN.echo))
        path, count = "/proc/sys/net/ipv4/ip_local_port_range", 10
        with open(path) as text:
            before = text.read()
        port = ORIGIN.port("greet")
        try:
            with omnilink.service(hop, listen=[f"tproxy://127.0.0.1:0?port={port}&fail=open"]) as service, contextlib.ExitStack() as clients:
                world.write(path, f"40000 {40000 + count - 1}")
                running = []
                for i in range(count):
                    one = clients.enter_context(socket.socket())
                    one.settimeout(20)
                    one.bind((world.NEAR4, 30000 + i))
                    one.connect((world.ORIGIN4, port))
                    one.sendall(b"x")
                    self.assertEqual(one.recv(1), b"x")
                    running.append(one)
                with socket.socket() as more, self.assertRaises(ConnectionResetError):
                    more.bind((world.NEAR4, 30100))
                    more.connect((world.ORIGIN4, port))
                    more.recv(1)
                line = service.access()
                self.assertEqual((line["step"], line["verdict"]), ("connect", "io_failed"), line)
                self.assertIn("ip_local_port_range", line["detail"])
                running[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                running[0].close()
                service.access(1, 2)
                with socket.socket() as again:
                    again.settimeout(20)
                    again.bind((world.NEAR4, 30101))
                    again.connect((world.ORIGIN4, port))
                    again.sendall(b"y")
                    self.assertEqual(again.recv(1), b"y")
                running[1].sendall(b"z")
                self.assertEqual(running[1].recv(1), b"z")
        finally:
            world.write(path, before)


if __name__ == "__main__":
    unittest.main()
