"""What happens to captured traffic when netd, its worker or a rule goes: proved by what is on the cable, in its order.

    near (world.py): clients, omnilink, its rules                       far: a hop, origins
      client ── rules ── listener ── worker ── near0  ──── veth ────  far0
                  └── what slips past them ────┘ (captured here)

OMNILINK_KILLS: how often it is killed at a random moment; 20 unless it says otherwise, 1000 at night.
"""

import json
import os
import random
import re
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

import capture
import hops
import omnilink
import origin
import world
from kernel_rules import nft, tables


def setUpModule():
    global ORIGIN
    world.enter()
    if not world.is_root():
        raise unittest.SkipTest("a redirect listener's service becomes another user, which needs root")
    ORIGIN = origin.origin()
    unittest.addModuleCleanup(ORIGIN.__exit__)


def status_of(pid):
    with open(f"/proc/{pid}/status") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines)


def forget_connections():
    """Conntrack's table is emptied, as by `conntrack -F`."""
    NETLINK_NETFILTER, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST, NLM_F_ACK = 12, 1, 2, 1, 4
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as link:
        link.send(struct.pack("=IHHIIBBH", 20, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST | NLM_F_ACK, 1, 0, 0, 0, 0))
        code = struct.unpack("=i", link.recv(4096)[16:20])[0]
        if code != 0:
            raise OSError(-code, os.strerror(-code))


def connections(service):
    listed = omnilink.run("connections", "--json", "--socket", f"{service.folder}/admin.sock")
    return len(json.loads(listed.stdout)["connections"])


class fails:
    """What is the same for both mechanisms."""

    MECHANISM = ""

    def setUp(self):
        # A port of its own: conntrack sends what uses the two addresses of a connection from 10 s ago where that one went.
        self.target = (world.ORIGIN4, ORIGIN.serve(self.id(), ORIGIN.greet))
        self.addCleanup(lambda: nft("delete", "table", "inet", "omnilink_guard"))

    def redirecting(self, fail="closed", hop=None, **options):
        chain = [hop] if hop else []
        return omnilink.service(*chain, listen=[f"{self.MECHANISM}://127.0.0.1:0?port={self.target[1]}&fail={fail}"], **options)

    def greeted(self, host=None):
        with omnilink.connect((host or self.target[0], self.target[1]), 20) as greeted:
            return origin.read_line(greeted)

    def kill_netd(self, service):
        worker = omnilink.worker_of(service)
        pidfd = os.pidfd_open(worker)
        service.process.kill()
        service.process.wait()
        return pidfd

    def on_the_cable(self, cable):
        return {p[1] for p in cable.sent() if p[2] == self.target[1]}

    def test_closed_netd_killed_nothing_leaves(self):
        for family, host in ((4, world.ORIGIN4), (6, world.ORIGIN6)):
            service = self.redirecting(hop="reject")
            with self.subTest(family), capture.capture("near0") as cable:
                self.kill_netd(service)
                # First the end, then the attempts: every packet of theirs would be behind it on the cable.
                for _ in range(20):
                    with self.assertRaises(ConnectionRefusedError):
                        self.greeted(host)
            self.assertEqual(self.on_the_cable(cable), set())
            self.assertEqual(tables(), {"inet omnilink_guard"})

    def test_open_netd_killed_connections_go_their_own_way(self):
        service = self.redirecting(fail="open", hop="reject")
        with capture.capture("near0") as cable:
            with self.assertRaises(ConnectionResetError):
                self.greeted()
            self.kill_netd(service)
            self.assertEqual(self.greeted(), "220 origin ready")
        self.assertEqual(self.on_the_cable(cable), {world.ORIGIN4})
        self.assertEqual(tables(), set())

    def test_A13_no_window_while_workers_die(self):
        """A client in a loop while the worker is killed again and again: never refused, never past us."""
        with self.redirecting(hop="reject") as service, capture.capture("near0") as cable:
            problems, done = [], threading.Event()

            def client():
                while not done.is_set():
                    try:
                        answer = self.greeted()
                        if answer:  # a killed process's connections end with a FIN
                            problems.append(f"answered: {answer}")
                    except ConnectionResetError:
                        pass  # rejected by the chain
                    except OSError as error:
                        problems.append(repr(error))

            thread = threading.Thread(target=client)
            thread.start()
            for _ in range(5):
                os.kill(omnilink.worker_of(service), signal.SIGKILL)
                count = sum('"event":"ready"' in line for line in service.lines)
                omnilink.wait_until(lambda: sum('"event":"ready"' in line for line in service.lines) > count, "the next worker", 20)
            done.set()
            thread.join()
            self.assertEqual(problems, [])
        self.assertEqual(self.on_the_cable(cable), set())

    def test_A13_an_orderly_end_leaves_the_guard_alone(self):
        for fail, left in (("open", set()), ("closed", {"inet omnilink_guard"})):
            with self.subTest(fail), self.redirecting(fail=fail):
                self.assertIn("inet omnilink", tables())
            self.assertEqual(tables(), left)
        with self.assertRaises(ConnectionRefusedError):
            self.greeted()
        with self.redirecting():
            self.assertEqual(self.greeted(), "220 origin ready", "the next start takes over")

    def test_the_guard_is_put_back(self):
        with self.redirecting() as service:
            before = nft("list", "table", "inet", "omnilink_guard").stdout
            for flush in (("flush", "ruleset"), ("delete", "table", "inet", "omnilink_guard"),
                          ("flush", "chain", "inet", "omnilink_guard", "output")):
                nft(*flush)
                omnilink.wait_until(lambda: nft("list", "table", "inet", "omnilink_guard").stdout == before, "the guard", 1)
            self.assertEqual(self.greeted(), "220 origin ready", "the capture table is the owner's alone")
            self.assertIn("guard-restored", "".join(service.lines))

    def test_A11_nothing_of_a_closed_connection_leaves(self):
        """FIN and RST of redirected connections, also of those that conntrack has forgotten: past the rules, but for the guard."""
        fin, rst = b"\0\0\0\0\0\0\0\0", b"\1\0\0\0\0\0\0\0"
        hop = hops.scripted(ORIGIN, hops.yes_then(hops.hold))
        for fail in ("closed", "open"):
            with self.redirecting(fail=fail, hop=hop) as service, capture.capture("near0") as cable:
                for forgotten in (False, True):
                    clients = [omnilink.connect(self.target) for _ in range(20)]
                    for client in clients:
                        client.sendall(b"x" * 100)
                    omnilink.wait_until(lambda: connections(service) == len(clients), "the chain is there")
                    if forgotten:
                        forget_connections()
                    for i, client in enumerate(clients):
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, fin if i % 2 else rst)
                        client.close()
                    if not forgotten:
                        omnilink.wait_until(lambda: connections(service) == 0, "they have ended")
                omnilink.run("stop", "--socket", f"{service.folder}/admin.sock")
            # Without the guard they do leave: the cable would show it.
            self.assertEqual(self.on_the_cable(cable), set() if fail == "closed" else {world.ORIGIN4}, fail)

    def test_doctor_names_what_is_left_and_cleanup_removes_it(self):
        def found():
            return {t["what"]: t["in_use"] for t in json.loads(omnilink.run("doctor", "--json").stdout)["traces"]}

        routing = [f"ip{six} {what} 28524" for six in ("", " -6") for what in ("rule lookup", "route table")] if self.MECHANISM == "tproxy" else []
        everything = ["table inet omnilink", "table inet omnilink_guard", *routing]
        omnilink.run("cleanup")
        self.assertEqual(found(), {})
        with self.redirecting():
            self.assertEqual(found(), dict.fromkeys(everything, True))
            kept = json.loads(omnilink.run("cleanup", "--json").stdout)
            self.assertEqual(kept, {"removed": [], "in_use": everything})
            self.assertEqual(self.greeted(), "220 origin ready")
        self.assertEqual(found(), {"table inet omnilink_guard": False})
        self.kill_netd(self.redirecting())
        self.assertEqual(found(), dict.fromkeys(everything[1:], False))
        self.assertIn("removed", omnilink.run("cleanup").stdout)
        self.assertEqual(omnilink.run("cleanup").stdout, "nothing is left\n")
        self.assertEqual(self.greeted(), "220 origin ready")

    def test_A13_a_reload_replaces_the_rules_at_once_or_not_at_all(self):
        other = ORIGIN.port("echo")

        def listening(port, fail="open"):
            return f'[[listen]]\nurl = "{self.MECHANISM}://127.0.0.1:0"\nfail = "{fail}"\ncapture = {{ port = {port} }}\n[[chain]]\nname = "no"\nhops = ["reject"]\n'

        with omnilink.service(more=listening(self.target[1])) as service:
            config = f"{service.folder}/omnilink.toml"
            with open(config) as text:
                before = text.read()

            def reload(text):
                world.write(config, text)
                return omnilink.run("reload", "--socket", f"{service.folder}/admin.sock")

            self.assertEqual(reload(before.replace(f"port = {self.target[1]}", f"port = {other}").replace('"open"', '"closed"')).stdout, "reloaded\n")
            self.assertEqual(self.greeted(), "220 origin ready")
            with self.assertRaises(ConnectionResetError), omnilink.connect((world.ORIGIN4, other)) as cut:
                cut.recv(1)
            self.assertEqual(tables(), {"inet omnilink", "inet omnilink_guard"})
            rules = nft("list", "ruleset").stdout
            self.assertIn("capture has no condition", reload(before.replace(f"port = {self.target[1]}", "")).stderr)
            self.assertEqual(nft("list", "ruleset").stdout, rules)
            reload(before)
            self.assertEqual(tables(), {"inet omnilink"})
            # Never a moment without: connects in a loop while the rules are replaced again and again.
            with capture.capture("near0") as cable:
                done, problems = threading.Event(), []

                def client():
                    while not done.is_set():
                        try:
                            problems.append(f"answered: {self.greeted()}")
                        except ConnectionResetError:
                            pass  # rejected by the chain
                        except OSError as error:
                            problems.append(repr(error))

                thread = threading.Thread(target=client)
                thread.start()
                for i in range(20):
                    self.assertEqual(reload(before.replace(f"port = {self.target[1]}", f"port = [{self.target[1]}, {i + 1}]")).stdout, "reloaded\n")
                done.set()
                thread.join()
            self.assertEqual(problems, [])
            self.assertEqual(self.on_the_cable(cable), set())

    def test_drain_takes_the_rules_back_first(self):
        with omnilink.service(listen=[f"{self.MECHANISM}://127.0.0.1:0?port={ORIGIN.port('echo')}&fail=open"]) as service:
            with omnilink.connect((world.ORIGIN4, ORIGIN.port("echo"))) as old:
                old.sendall(b"one")
                self.assertEqual(omnilink.read_exactly(old, 3), b"one")
                self.assertEqual(omnilink.run("drain", "--socket", f"{service.folder}/admin.sock").stdout, "1 connection is left\n")
                omnilink.wait_until(lambda: not re.search("redirect to|tproxy ip", nft("list", "ruleset").stdout), "the rules are gone")
                old.sendall(b"two")
                self.assertEqual(omnilink.read_exactly(old, 3), b"two")
            self.assertEqual(service.process.wait(20), 0)
        self.assertEqual(tables(), set())

    def test_A11_A12_connections_that_ran_are_cut_and_nothing_of_them_leaves(self):
        """Closed: what a program sends on a connection of a dead service goes nowhere, and it hears of it at once."""
        hop = hops.scripted(ORIGIN, hops.yes_then(hops.hold))
        service = self.redirecting(hop=hop, settings='drain_timeout = "1s"')
        with capture.capture("near0") as cable:
            clients = [omnilink.connect((host, self.target[1]), 20) for host in (world.ORIGIN4, world.ORIGIN6)]
            for client in clients:
                client.sendall(b"x")
            omnilink.wait_until(lambda: connections(service) == len(clients), "they run")
            ended = self.kill_netd(service)
            self.assertTrue(select.select([ended], [], [], 30)[0])
            for client in clients:
                with client, self.assertRaises(ConnectionError):
                    client.sendall(b"y")
                    if client.recv(1) == b"":  # the kernel's FIN, of what was ours; what is sent now is answered by the guard
                        client.sendall(b"z")
                        client.recv(1)
                        raise ConnectionResetError
        self.assertEqual(self.on_the_cable(cable), set())

    def test_A8_A9_A10_nothing_leaves_beside_tcp_and_connect(self):
        """UDP to 53 and 443, Fast Open, both families: while it runs and after it was killed."""
        world.write("/proc/sys/net/ipv4/tcp_fastopen", "3")
        everything = f"cidr={world.ORIGIN4},{world.ORIGIN6}&udp=reject"
        service = omnilink.service("reject", listen=[f"{self.MECHANISM}://127.0.0.1:0?{everything}"])
        with capture.capture("near0") as cable:
            for running in (True, False):
                if not running:
                    self.kill_netd(service)
                for family, host in ((socket.AF_INET, world.ORIGIN4), (socket.AF_INET6, world.ORIGIN6)):
                    for port in (53, 443):
                        with self.subTest(running=running, host=host, port=port), socket.socket(family, socket.SOCK_DGRAM) as udp:
                            udp.settimeout(20)
                            udp.connect((host, port))
                            with self.assertRaises((ConnectionRefusedError, PermissionError)):
                                udp.send(b"x")
                                udp.recv(1)
                    for option in (None, 30):  # TCP_FASTOPEN_CONNECT
                        with self.subTest(running=running, host=host, option=option), socket.socket(family) as fast, self.assertRaises(ConnectionError):
                            for which in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                                fast.setsockopt(socket.SOL_SOCKET, which, struct.pack("ll", 20, 0))
                            if option is None:
                                fast.sendto(b"x", socket.MSG_FASTOPEN, (host, self.target[1]))
                            else:
                                fast.setsockopt(socket.IPPROTO_TCP, option, 1)
                                fast.connect((host, self.target[1]))
                                fast.sendall(b"x")
                            if fast.recv(1) == b"":
                                raise AssertionError("answered with an end")
        # Other tests' sockets may still repeat their last words, to ports of their own.
        self.assertEqual({p for p in cable.sent() if p[1] in (world.ORIGIN4, world.ORIGIN6) and p[2] in (53, 443, self.target[1])}, set())

    def test_A13_killed_at_random_moments(self):
        """While it starts, runs, reloads or ends: either it was not there yet, or the guard is; and the next start works."""
        dice = random.Random(7)
        for kill in range(int(os.environ.get("OMNILINK_KILLS", "20"))):
            fail = dice.choice(("open", "closed"))
            with self.subTest(kill, fail=fail), tempfile.TemporaryDirectory() as folder:
                nft("delete", "table", "inet", "omnilink_guard")
                config = f"{folder}/omnilink.toml"
                world.write(config, f'version = 1\n[[listen]]\nurl = "{self.MECHANISM}://127.0.0.1:0"\nfail = "{fail}"\n'
                            f'capture = {{ port = {self.target[1]} }}\n[[chain]]\nname = "no"\nhops = ["reject"]\n')
                process = subprocess.Popen([omnilink.BINARY, "run", "-qq", "-c", config], stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL, preexec_fn=world.die_with_parent)
                threading.Event().wait(dice.random() * 0.1)
                if dice.random() < 0.5:
                    process.send_signal(dice.choice((signal.SIGHUP, signal.SIGTERM)))
                    threading.Event().wait(dice.random() * 0.01)
                process.kill()
                process.wait()
                left = tables()
                if fail == "open":
                    self.assertEqual(left, set())
                if left:
                    self.assertEqual(left, {"inet omnilink_guard"})
                    for host in (world.ORIGIN4, world.ORIGIN6):
                        with self.assertRaises(ConnectionRefusedError):
                            self.greeted(host)
                else:
                    self.assertEqual(self.greeted(), "220 origin ready")
        omnilink.run("cleanup")
        self.assertEqual(omnilink.run("cleanup").stdout, "nothing is left\n")
        with self.redirecting():
            self.assertEqual(self.greeted(), "220 origin ready")


class fail_modes(fails, unittest.TestCase):
    MECHANISM = "redirect"

    def test_the_worker_ends_when_netd_is_gone(self):
        service = self.redirecting()
        pidfd = self.kill_netd(service)
        self.assertTrue(select.select([pidfd], [], [], 30)[0])

    def test_D12_the_worker_killed_connections_wait_for_the_next_one(self):
        with self.redirecting() as service, capture.capture("near0") as cable:
            netd, seen = service.process.pid, set()
            for _ in range(3):
                worker = omnilink.worker_of(service)
                self.assertNotIn(worker, seen)
                seen.add(worker)
                os.kill(worker, signal.SIGKILL)
                self.assertEqual(self.greeted(), "220 origin ready")
            self.assertIsNone(service.process.poll(), netd)
        self.assertEqual(self.on_the_cable(cable), {world.ORIGIN4}, "direct chain: the worker's own")

    def test_netd_and_its_worker_have_only_what_they_need(self):
        with self.redirecting() as service:
            worker, netd = status_of(omnilink.worker_of(service)), status_of(service.process.pid)
        uid, gid = omnilink.worker_ids()
        self.assertEqual((worker["Uid"], worker["Gid"]), ("\t".join([str(uid)] * 4), "\t".join([str(gid)] * 4)))
        self.assertEqual({worker[key] for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}, {"0" * 16})
        self.assertEqual((worker["NoNewPrivs"], worker["Seccomp"], worker["Groups"].strip()), ("1", "2", ""))
        chown, read_search, kill, setgid, setuid, setpcap, bind, net_admin = 0, 2, 5, 6, 7, 8, 10, 12
        wanted = sum(1 << c for c in (chown, read_search, kill, setgid, setuid, setpcap, bind, net_admin))
        self.assertEqual(int(netd["CapEff"], 16), wanted)
        self.assertEqual(netd["Threads"], "1")

    def test_files_that_only_root_may_read_are_read_again(self):
        """The configuration and the login it names are root's, 0600: at start, at a reload, and by the next worker."""
        told = []

        def login(connection):
            omnilink.read_exactly(connection, omnilink.read_exactly(connection, 2)[1])
            connection.sendall(b"\x05\x02")
            user = omnilink.read_exactly(connection, omnilink.read_exactly(connection, 2)[1])
            told.append((user, omnilink.read_exactly(connection, omnilink.read_exactly(connection, 1)[0])))
            connection.sendall(b"\x01\x01")

        port = ORIGIN.serve("login", login, world.FAR4)

        with tempfile.TemporaryDirectory() as folder:
            auth = f"{folder}/login"
            world.write(auth, "user:first")
            os.chmod(auth, 0o600)
            more = (f'[[listen]]\nurl = "redirect://127.0.0.1:0"\nfail = "open"\ncapture = {{ port = {self.target[1]} }}\n'
                    f'[[hop]]\nname = "one"\nurl = "socks5://{world.FAR4}:{port}"\nauth_file = "{auth}"\n[[chain]]\nname = "out"\nhops = ["one"]\n')
            with omnilink.service(more=more) as service:
                config = f"{service.folder}/omnilink.toml"

                def dial():
                    try:
                        with omnilink.connect(self.target) as client:
                            client.recv(1)
                    except ConnectionResetError:
                        pass
                    return told.pop()

                self.assertEqual((os.stat(config).st_uid, os.stat(config).st_mode & 0o777), (0, 0o600))
                self.assertEqual(dial(), (b"user", b"first"))
                world.write(auth, "user:second")
                said = omnilink.run("reload", "--socket", f"{service.folder}/admin.sock")
                self.assertEqual((said.stdout, said.stderr), ("reloaded\n", ""))
                self.assertEqual(dial(), (b"user", b"second"))
                os.remove(auth)
                said = omnilink.run("reload", "--socket", f"{service.folder}/admin.sock")
                self.assertIn(f'auth_file "{auth}": No such file', said.stderr)
                self.assertEqual(dial(), (b"user", b"second"))
                world.write(auth, "user:third")
                os.chmod(auth, 0o600)
                os.kill(omnilink.worker_of(service), signal.SIGKILL)
                self.assertEqual(dial(), (b"user", b"third"))

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            service = self.redirecting(fail="open")
            service.process.send_signal(number)
            code = service.process.wait(20)
            self.assertIn(code, (0, -number, 128 + number))
            self.assertEqual(tables(), set())


class fail_modes_tproxy(fails, unittest.TestCase):
    MECHANISM = "tproxy"

    def test_A12_without_the_ip_rule_nothing_leaves(self):
        """Somebody removes it: marked packets have no way to us any more, and go no other."""
        with self.redirecting(), capture.capture("near0") as cable:
            for family, host in (("-4", world.ORIGIN4), ("-6", world.ORIGIN6)):
                subprocess.run(["ip", family, "rule", "del", "pref", "99"], check=True)
                with self.assertRaises(TimeoutError):
                    socket.create_connection((host, self.target[1]), 0.5)
        self.assertEqual(self.on_the_cable(cable), set())


if __name__ == "__main__":
    unittest.main()
