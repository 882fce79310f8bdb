"""Redirect listeners in a network namespace: real programs that know of no proxy, real hops, the kernel in between."""

import functools
import json
import os
import socket
import subprocess
import unittest

import capture
import omnilink
import origin
import programs
import servers
import world

MIB = 1 << 20
CAPTURED = "203.0.113.0/24,2001:db8:f::/64"
HOPS = {0: [], 1: ["microsocks"], 2: ["tinyproxy", "microsocks"], 3: ["microsocks", "squid", "danted"]}

CLIENTS = {"curl": ["down"], "python3": ["up"], "static_go": ["up", "down"]}


def setUpModule():
    global SERVERS, ORIGIN, WEB
    world.enter()
    if not world.is_root():
        raise unittest.SkipTest("a redirect listener's service becomes another user, which needs root")
    SERVERS, ORIGIN = servers.servers(), origin.origin()
    WEB = ORIGIN.serve("web", programs.web)
    unittest.addModuleCleanup(SERVERS.__exit__, None, None, None)
    unittest.addModuleCleanup(ORIGIN.__exit__)


@functools.cache
def hop(kind, address):
    return getattr(SERVERS, kind)(address=address)


def redirecting(*hops, conditions=f"cidr={CAPTURED}", **options):
    return omnilink.service(*hops, listen=[f"redirect://127.0.0.1:0?{conditions}"], **options)


def address(family):
    return world.ORIGIN4 if family == 4 else world.ORIGIN6


class bulk(unittest.TestCase):
    """64 MiB, and what the program's own connect() says."""

    def check(self, count, family, client):
        size = 64 * MIB
        hops = [hop(kind, world.FAR4 if family == 4 else world.FAR6) for kind in HOPS[count]]
        with redirecting(*hops) as service:
            for i, way in enumerate(CLIENTS[client]):
                digest, said = programs.clients(ORIGIN, WEB).run(client, address(family), way, size)
                self.assertEqual(digest, [origin.digest_of(size)], said)
                line = service.access(i, i + 1)
                port = WEB if client == "curl" else ORIGIN.port(f"{way}load")
                self.assertEqual((line["verdict"], line["destination"]), ("ok", world.written(address(family), port)))
                self.assertGreaterEqual(line[way], size)


class redirect(unittest.TestCase):
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
            as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c"]
            said = subprocess.run([*as_nobody, f"head -n1 < /dev/tcp/{world.ORIGIN4}/{ORIGIN.port('greet')}"], capture_output=True, text=True, timeout=20)
            self.assertEqual(said.stdout.strip(), "220 origin ready", said.stderr)
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
                with self.assertRaises(ConnectionResetError), omnilink.connect((world.ORIGIN4, port)) as lost:
                    lost.recv(1)
                lines = [service.access(i, 2) for i in range(2)]
                self.assertIn("loop", {line["verdict"] for line in lines})
            finally:
                subprocess.run(["nft", "delete", "table", "ip", "foreign"], check=True)
            with omnilink.connect((world.ORIGIN4, port)) as greeted:
                self.assertEqual(origin.read_line(greeted), "220 origin ready")
            self.assertLessEqual(sum('"verdict":"loop"' in line for line in service.lines), 2, "it ran away")

    def test_A2_a_hop_of_this_machine_that_is_captured_is_said(self):
        """Of whoever listens at the hop's address the kernel knows the user; a capture that does not take that one is no matter."""
        for address in ("127.0.0.1", "::1", world.NEAR4):
            with socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET) as here:
                hop_url = f"socks5://{world.written(*here.getsockname()[:2])}"
                for conditions, captured in (("uid=0", True), ("port=9", True), ("uid=65534", False)):
                    with self.subTest(address, conditions=conditions), redirecting(hop_url, conditions=f"{conditions}&fail=open") as service:
                        omnilink.wait_until(lambda: any('"event":"ready"' in line for line in service.lines), "its log")
                        said = [json.loads(line) for line in service.lines if '"event":"hop-captured"' in line]
                        self.assertEqual([line["uid"] for line in said], [0] * captured)

    def test_A3_reused_ports_are_no_loops(self):
        port = ORIGIN.port("greet")
        with redirecting(conditions=f"port={port}") as service:
            for i in range(300):
                with socket.socket() as reused:
                    reused.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    reused.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    reused.bind((world.NEAR4, 21000 + i % 7))  # below what connect() takes by itself
                    reused.connect((world.ORIGIN4, port))
                    self.assertEqual(reused.recv(3), b"220")
            service.access(-1, 300)
            self.assertEqual([line for line in service.lines if '"verdict":"loop"' in line], [])

    def test_the_question_where_it_wanted_to_go(self):
        with redirecting() as service, omnilink.connect((world.ORIGIN4, ORIGIN.port("greet"))) as greeted:
            self.assertEqual(origin.read_line(greeted), "220 origin ready")
            source = world.written(*greeted.getsockname()[:2])
            asked = omnilink.run("query", "--socket", f"{service.folder}/query.sock", source)
            self.assertIn(world.written(world.ORIGIN4, ORIGIN.port("greet")), asked.stdout)
            as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            os.chmod(service.folder, 0o755)
            other = subprocess.run([*as_nobody, omnilink.BINARY, "query", "--socket", f"{service.folder}/query.sock", source],
                                   capture_output=True, text=True, timeout=20)
            self.assertEqual(other.returncode, 4, other.stderr)

    def test_rules_rewrite_a_port_block_a_host_and_choose_the_chain(self):
        near_hop = hop("microsocks", world.FAR4)
        rules = f"""
[[hop]]
name = "hop"
url = "{near_hop.url}"
[[chain]]
name = "out"
hops = ["hop"]
[[rule]]
name = "no"
match = {{ cidr = "{world.CLOSED4}" }}
action = "reject"
[[rule]]
name = "8080"
match = {{ port = 80 }}
action = "redirect::{ORIGIN.port('greet')}"
[[rule]]
name = "plain"
match = {{ port = {ORIGIN.port('greet')} }}
action = "direct"
[[rule]]
name = "rest"
action = "chain:out"
"""
        with redirecting(more=rules) as service:
            with omnilink.connect((world.ORIGIN4, 80)) as greeted:
                self.assertEqual(greeted.getpeername(), (world.ORIGIN4, 80))
                self.assertEqual(origin.read_line(greeted), "220 origin ready")
                host, port = greeted.getsockname()
                asked = omnilink.run("query", f"{host}:{port}", "--socket", f"{service.folder}/query.sock")
                self.assertIn(f"{world.ORIGIN4}:80", asked.stdout)
            line = service.access()
            self.assertEqual((line["destination"], line["rule"], line["chain"]), (f"{world.ORIGIN4}:80", "8080, plain", "direct"))
            with omnilink.connect((world.ORIGIN4, ORIGIN.port("echo"))) as echo:
                echo.sendall(b"x")
                self.assertEqual(omnilink.read_exactly(echo, 1), b"x")
            self.assertEqual([service.access(1, 2)[key] for key in ("rule", "chain")], ["rest", "out"])
            with self.assertRaises(ConnectionResetError), omnilink.connect((world.CLOSED4, 80)) as closed:
                closed.recv(1)
            self.assertEqual([service.access(2, 3)[key] for key in ("rule", "verdict")], ["8080, no", "rejected"])

    def test_the_program_behind_a_connection_of_another_user(self):
        rules = f"""
[[chain]]
name = "plain"
hops = ["direct"]
[[rule]]
name = "bash"
match = {{ exe = "{os.path.realpath('/bin/bash')}", uid = 65534, gid = 65533, process = "bash", interface = "lo" }}
action = "direct"
"""
        with redirecting(more=rules) as service:
            port = ORIGIN.port("greet")
            as_nobody = ["setpriv", "--reuid=65534", "--regid=65533", "--clear-groups", "bash", "-c"]
            # Its first word comes through the chain; then it waits for ours.
            script = f"exec 3<>/dev/tcp/{world.ORIGIN4}/{port}; head -n1 <&3; read end"
            with subprocess.Popen([*as_nobody, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as bash:
                self.assertEqual(bash.stdout.readline().strip(), "220 origin ready")
                (running,) = service.admin("connections")["connections"]
                known = {"pid": bash.pid, "uid": 65534, "gid": 65533, "exe": os.path.realpath("/bin/bash"), "process": "bash"}
                self.assertEqual({key: running["program"].get(key) for key in known}, known)
                asked = omnilink.run("query", "--json", running["source"], "--socket", f"{service.folder}/query.sock")
                self.assertEqual({key: json.loads(asked.stdout).get(key) for key in known}, known)
                bash.communicate("end\n")
            line = service.access()
            self.assertEqual((line["rule"], line["exe"], line["pid"], line["uid"]), ("bash", known["exe"], str(bash.pid), "65534"))
            # Whoever is somebody else does not meet it.
            with self.assertRaises(ConnectionResetError), omnilink.connect((world.ORIGIN4, port)) as lost:
                lost.recv(1)

    def test_a_direct_hit_is_reset(self):
        with redirecting() as service:
            with self.assertRaises(ConnectionResetError), omnilink.connect(service.where[0]) as hit:
                hit.recv(1)
            self.assertEqual(service.access()["verdict"], "not_redirected")


def add_bulk():
    for count in HOPS:
        for family in (4, 6):
            for client in CLIENTS:
                setattr(bulk, f"test_{count}_hops_ipv{family}_{client}", functools.partialmethod(bulk.check, count, family, client))


add_bulk()
