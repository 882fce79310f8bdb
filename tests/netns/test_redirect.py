"""Redirect listeners in a network namespace: real programs that know of no proxy, real hops, the kernel in between."""

import functools
import os
import socket
import subprocess
import sys
import tempfile
import unittest

import capture
import omnilink
import origin
import servers
import world

MIB = 1 << 20
CAPTURED = "203.0.113.0/24,2001:db8:f::/64"
HOPS = {0: [], 1: ["microsocks"], 2: ["tinyproxy", "microsocks"], 3: ["microsocks", "squid", "danted"]}

GO_CLIENT = """package main

import ("fmt"; "io"; "net"; "os")

func main() {
    c, err := net.Dial("tcp", os.Args[1])
    if err != nil { fmt.Println(err); os.Exit(1) }
    fmt.Fprintf(c, "hello\\n")
    c.(*net.TCPConn).CloseWrite()
    b, _ := io.ReadAll(c)
    os.Stdout.Write(b)
}
"""


def setUpModule():
    global SERVERS, ORIGIN
    world.enter()
    if not world.is_root():
        raise unittest.SkipTest("a redirect listener's service becomes another user, which needs root")
    SERVERS, ORIGIN = servers.servers(), origin.origin()
    unittest.addModuleCleanup(SERVERS.__exit__, None, None, None)
    unittest.addModuleCleanup(ORIGIN.__exit__)


@functools.cache
def hop(kind, address):
    return getattr(SERVERS, kind)(address=address)


def redirecting(*hops, conditions=f"cidr={CAPTURED}", **options):
    return omnilink.service(*hops, listen=[f"redirect://127.0.0.1:0?{conditions}"], **options)


def address(family):
    return world.ORIGIN4 if family == 4 else world.ORIGIN6


def written(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class redirect(unittest.TestCase):
    def check_bulk(self, count, family):
        size = 64 * MIB
        hops = [hop(kind, world.FAR4 if family == 4 else world.FAR6) for kind in HOPS[count]]
        with redirecting(*hops) as service:
            where = address(family), ORIGIN.port("upload")
            with omnilink.connect(where) as up:
                self.assertEqual(up.getpeername()[:2], where, "the program sees what it dialled")
                up.sendall(f"{size}\n".encode())
                origin.send_bytes(up, size)
                self.assertEqual(origin.read_line(up), origin.digest_of(size))
            line = service.access(0, 1)
            self.assertEqual((line["verdict"], line["destination"]), ("ok", written(*where)))
            with omnilink.connect((address(family), ORIGIN.port("download"))) as down:
                down.sendall(f"{size}\n".encode())
                self.assertEqual(origin.read_all(down), (size, origin.digest_of(size)))
            self.assertEqual(service.access(1, 2)["down"], size)

    def check_client(self, command, family):
        where = written(address(family), ORIGIN.port("digest"))
        # microsocks ends both directions at once.
        with redirecting(hop("danted", world.FAR4 if family == 4 else world.FAR6)) as service:
            said = subprocess.run([*command, where], capture_output=True, text=True, timeout=60)
            self.assertEqual(said.stdout.split(), ["6", "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"], said.stderr)
            self.assertEqual(service.access()["destination"], where)

    def test_static_go_binary(self):
        if not any(os.access(f"{p}/go", os.X_OK) for p in os.environ["PATH"].split(":")):
            world.cannot("golang-go is not installed")
        with tempfile.TemporaryDirectory() as folder:
            world.write(f"{folder}/main.go", GO_CLIENT)
            env = {**os.environ, "CGO_ENABLED": "0", "HOME": folder, "GOCACHE": f"{folder}/cache", "GO111MODULE": "off"}
            subprocess.run(["go", "build", "-o", f"{folder}/client", f"{folder}/main.go"], check=True, env=env, timeout=100)
            for family in (4, 6):
                self.check_client([f"{folder}/client"], family)

    def test_python(self):
        program = ("import socket, sys; host, _, port = sys.argv[1].rpartition(':'); "
                   "c = socket.create_connection((host.strip('[]'), int(port))); c.sendall(b'hello\\n'); "
                   "c.shutdown(socket.SHUT_WR); print(c.recv(200).decode())")
        for family in (4, 6):
            self.check_client([sys.executable, "-c", program], family)

    def test_curl(self):
        def page(connection):
            omnilink.read_http_head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

        port = ORIGIN.serve("page", page)
        with redirecting(hop("tinyproxy", world.FAR4)) as service:
            for family in (4, 6):
                where = written(address(family), port)
                said = subprocess.run(["curl", "-s", "--max-time", "30", f"http://{where}/"], capture_output=True, text=True)
                self.assertEqual(said.stdout, "hello")
                self.assertEqual(service.access(-1, 1 if family == 4 else 2)["destination"], where)

    def test_A8_a_port_is_captured_in_both_families(self):
        with redirecting(hop("microsocks", world.FAR4), conditions=f"port={ORIGIN.port('greet')}") as service, \
                capture.capture("near0") as cable:
            for family in (4, 6):
                with omnilink.connect((address(family), ORIGIN.port("greet"))) as greeted:
                    self.assertEqual(origin.read_line(greeted), "220 origin ready")
            self.assertEqual(service.access(1, 2)["verdict"], "ok")
            # An address that comes later needs no other rule.
            world.near_ip("-6", "addr", "add", "2001:db8:1::77/64", "dev", "near0", "nodad")
            with socket.create_connection((world.ORIGIN6, ORIGIN.port("greet")), 20, ("2001:db8:1::77", 0)) as greeted:
                self.assertEqual(origin.read_line(greeted), "220 origin ready")
        self.assertEqual({p[1] for p in cable.sent()}, {world.FAR4})

    def test_what_is_not_captured_goes_its_own_way(self):
        with redirecting(conditions=f"port={ORIGIN.port('greet')}&cidr={world.ORIGIN4}&uid=65534") as service:
            for host in (world.ORIGIN4, world.ORIGIN6):
                with omnilink.connect((host, ORIGIN.port("greet"))) as greeted:
                    self.assertEqual(origin.read_line(greeted), "220 origin ready")
            as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "curl", "-s", "--max-time", "5"]
            subprocess.run([*as_nobody, f"telnet://{world.ORIGIN4}:{ORIGIN.port('greet')}"], stdin=subprocess.DEVNULL, timeout=20)
            self.assertEqual(service.access(-1, 1)["destination"], f"{world.ORIGIN4}:{ORIGIN.port('greet')}")
            self.assertEqual(sum("verdict" in line for line in service.lines), 1)

    def test_a_connection_from_before_lives_on(self):
        with omnilink.connect((world.ORIGIN4, ORIGIN.port("echo"))) as old:
            old.sendall(b"one")
            self.assertEqual(omnilink.read_exactly(old, 3), b"one")
            with redirecting():
                old.sendall(b"two")
                self.assertEqual(omnilink.read_exactly(old, 3), b"two")
            old.sendall(b"six")
            self.assertEqual(omnilink.read_exactly(old, 3), b"six")
        subprocess.run(["nft", "delete", "table", "inet", "omnilink_guard"], check=True)

    def test_A2_a_foreign_rule_that_sends_our_own_connections_back_is_a_loop_and_refused(self):
        port = ORIGIN.port("greet")
        with redirecting(conditions=f"port={port}&fail=open") as service:
            # Ours leaves its own user alone; this one does not.
            rule = f"""table ip foreign {{
                chain output {{ type nat hook output priority -90; ip daddr {world.ORIGIN4} tcp dport {port} redirect to :{service.where[0][1]}; }}
            }}"""
            subprocess.run(["nft", "-f", "-"], input=rule, text=True, check=True)
            try:
                with omnilink.connect((world.ORIGIN4, port)) as lost:
                    with self.assertRaises(ConnectionResetError):
                        lost.recv(1)
                lines = [service.access(i, 2) for i in range(2)]
                self.assertIn("loop", {line["verdict"] for line in lines})
            finally:
                subprocess.run(["nft", "delete", "table", "ip", "foreign"], check=True)
            with omnilink.connect((world.ORIGIN4, port)) as greeted:
                self.assertEqual(origin.read_line(greeted), "220 origin ready")
            self.assertLessEqual(sum('"verdict":"loop"' in line for line in service.lines), 2, "it ran away")

    def test_A3_reused_ports_are_no_loops(self):
        port = ORIGIN.port("greet")
        with redirecting(conditions=f"port={port}") as service:
            for i in range(300):
                with socket.socket() as reused:
                    reused.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    reused.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    reused.bind((world.NEAR4, 41000 + i % 7))
                    reused.connect((world.ORIGIN4, port))
                    self.assertEqual(reused.recv(3), b"220")
            service.access(-1, 300)
            self.assertEqual([line for line in service.lines if '"verdict":"loop"' in line], [])

    def test_the_question_where_it_wanted_to_go(self):
        with redirecting() as service, omnilink.connect((world.ORIGIN4, ORIGIN.port("greet"))) as greeted:
            self.assertEqual(origin.read_line(greeted), "220 origin ready")
            source = written(*greeted.getsockname()[:2])
            asked = omnilink.run("query", "--socket", f"{service.folder}/query.sock", source)
            self.assertIn(written(world.ORIGIN4, ORIGIN.port("greet")), asked.stdout)
            as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            os.chmod(service.folder, 0o755)
            other = subprocess.run([*as_nobody, omnilink.BINARY, "query", "--socket", f"{service.folder}/query.sock", source],
                                   capture_output=True, text=True, timeout=20)
            self.assertEqual(other.returncode, 4, other.stderr)

    def test_a_direct_hit_is_reset(self):
        with redirecting() as service:
            with self.assertRaises(ConnectionResetError), omnilink.connect(service.where[0]) as hit:
                hit.recv(1)
            self.assertEqual(service.access()["verdict"], "not_redirected")


def add_bulk():
    for count in HOPS:
        for family in (4, 6):
            test = functools.partialmethod(redirect.check_bulk, count, family)
            setattr(redirect, f"test_{count}_hops_ipv{family}", test)


add_bulk()
