"""Cgroup listeners with direction = "in": what others open to a service of this machine, by an eBPF program that chooses the socket.

    far (world.py)                    near                                            /sys/fs/bpf/omnilink
      clients --- veth --- near0 ---- sk_lookup -> omnilink -- lo --- a service         what stays of it; the
                                      a local client -- lo ------------ on port 9000    mount is the tests' own
"""

import json
import os
import signal
import socket
import subprocess
import tempfile
import unittest

import cgroups
import local_service
import omnilink
import origin
import world

PORT, OTHER_PORT = 9000, 9001
HOSTS = {world.NEAR4: world.FAR4, world.NEAR6: world.FAR6}  # and who its client is


def setUpModule():
    global SERVICE, OTHER
    cgroups.prepare_bpf()
    SERVICE, OTHER = local_service.local_service(PORT), local_service.local_service(OTHER_PORT)
    unittest.addModuleCleanup(SERVICE.close)
    unittest.addModuleCleanup(OTHER.close)


def incoming(conditions=f"port={PORT}", fail="open", hops=(), **options):
    return omnilink.service(*hops, listen=[f"cgroup://127.0.0.1:0?direction=in&fail={fail}&{conditions}"], **options)


def dial(host, port=PORT):
    """From another machine."""
    return world.far_call(lambda: omnilink.connect((host, port), 20))


def answer(host, port=PORT):
    """Whom the service takes a client from another machine for, or how that fails."""
    try:
        with dial(host, port) as client:
            return origin.read_line(client).removeprefix("service of ")
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        return "reset"


def answers(port=PORT):
    return [answer(host, port) for host in HOSTS]


def locally(host, port=PORT):
    with omnilink.connect((host, port), 20) as client:
        return origin.read_line(client).removeprefix("service of ")


def traces():
    return {t["what"]: t["in_use"] for t in json.loads(omnilink.run("doctor", "--json").stdout)["traces"]}


class runs(unittest.TestCase):
    def setUp(self):
        self.addCleanup(omnilink.run, "cleanup")

    def test_a_service_is_reached_through_us_and_by_us(self):
        old = [dial(host) for host in HOSTS]
        with incoming() as service:
            for i, (host, who) in enumerate(HOSTS.items()):
                with dial(host) as client:
                    self.assertEqual(client.getpeername()[0], host)
                    self.assertEqual(origin.read_line(client), f"service of {host}", "it is us whom the service sees")
                    client.sendall(b"x" * 100_000)
                    self.assertEqual(omnilink.read_exactly(client, 100_000), b"x" * 100_000)
                    source = world.written(*client.getsockname()[:2])
                    asked = omnilink.run("query", "--socket", f"{service.folder}/query.sock", source)
                    self.assertIn(world.written(host, PORT), asked.stdout)
                line = service.access(i, i + 1)
                self.assertEqual((line["source"], line["destination"], line["verdict"], line["chain"]), (source, world.written(host, PORT), "ok", "direct"))
                self.assertEqual(answer(host, OTHER_PORT), who, "another port is not captured")
                for own in (host, "127.0.0.1", "::1"):
                    self.assertEqual(locally(own), own, "nor is who is on this machine")
            for client, who in zip(old, HOSTS.values()):
                with client:
                    self.assertEqual(origin.read_line(client), f"service of {who}")
                    client.sendall(b"from before")
                    self.assertEqual(omnilink.read_exactly(client, 11), b"from before")
            self.assertEqual(sum('"verdict"' in line for line in service.lines), 2)
            # A direct hit, locally; from elsewhere there is no way to it.
            for host in ("127.0.0.1", "::1"):
                with self.assertRaises(ConnectionResetError), omnilink.connect((host, service.where[0][1])) as hit:
                    hit.recv(1)
                self.assertEqual(service.access(-1, 3)["verdict"], "loop")
            self.assertEqual(answers(service.where[0][1]), ["refused"] * 2)

    def test_another_address_of_this_machine_that_comes_and_goes(self):
        """While it is here it is nobody else's; behind that it may be a client's."""
        host = "198.51.100.77"

        def asked_from_there():
            with socket.create_connection((world.NEAR4, PORT), 20, (host, 0)) as client:
                return origin.read_line(client).removeprefix("service of ")

        with incoming():
            world.near_ip("addr", "add", f"{host}/24", "dev", "near0")
            omnilink.wait_until(lambda: asked_from_there() == host, "the new address is known")
            world.near_ip("addr", "del", f"{host}/24", "dev", "near0")
            world.far_ip("addr", "add", f"{host}/24", "dev", "far0")
            self.addCleanup(world.far_ip, "addr", "del", f"{host}/24", "dev", "far0")
            omnilink.wait_until(lambda: world.far_call(asked_from_there) == world.NEAR4, "it is forgotten")

    def test_conditions_of_addresses(self):
        with incoming(f"cidr={world.NEAR4},{world.NEAR6}/128&source=198.51.100.0/24", hops=["reject"]):
            self.assertEqual([answers(PORT), answers(OTHER_PORT)], [["reset", world.FAR6]] * 2)
        with incoming(f"port={OTHER_PORT},{PORT}-{PORT}&cidr=2001:db8:1::/64", hops=["reject"]):
            self.assertEqual([answers(PORT), answers(OTHER_PORT)], [[world.FAR4, "reset"]] * 2)
        with incoming(f"port={PORT}&source={world.NEAR4}", hops=["reject"]):
            self.assertEqual(answers(), [world.FAR4, world.FAR6])

    def test_A5_many_at_once_each_to_its_own(self):
        def storm():
            wrong = 0
            for i in range(60):
                clients = [(host, port, omnilink.connect((host, port), 20)) for host in HOSTS for port in (PORT, OTHER_PORT) for _ in range(5)]
                for host, port, client in clients:
                    with client:
                        wrong += origin.read_line(client) != f"service of {host}"
            return wrong

        with incoming(f"port={PORT},{OTHER_PORT}") as service:
            self.assertEqual(world.far_call(storm), 0)
            omnilink.wait_until(lambda: service.admin("connections")["connections"] == [], "all have ended")
            seen = [json.loads(line) for line in service.lines if '"verdict"' in line]
            self.assertEqual({(line["verdict"], line["destination"]) for line in seen},
                             {("ok", world.written(host, port)) for host in HOSTS for port in (PORT, OTHER_PORT)})

    def test_A13_a_reload_replaces_it_at_once_or_not_at_all(self):
        def listening(ports, fail="open", direction="in"):
            return (f'[[listen]]\nurl = "cgroup://127.0.0.1:0"\nfail = "{fail}"\ncapture = {{ port = {ports}, direction = "{direction}" }}\n'
                    '[[chain]]\nname = "no"\nhops = ["reject"]\n')

        with omnilink.service(more=listening([PORT])) as service:
            config = f"{service.folder}/omnilink.toml"
            with open(config) as text:
                head = text.read().removesuffix(listening([PORT]))

            def reload(text):
                world.write(config, head + text)
                return omnilink.run("reload", "--socket", f"{service.folder}/admin.sock")

            self.assertEqual(answers(), ["reset"] * 2)
            self.assertEqual(reload(listening([OTHER_PORT], "closed")).stdout, "reloaded\n")
            self.assertEqual([answers(), answers(OTHER_PORT)], [list(HOSTS.values()), ["reset"] * 2])
            self.assertEqual(list(traces().values()), [True])
            self.assertIn("the direction of a cgroup listener", reload(listening([PORT], direction="out")).stderr)
            self.assertEqual(reload(listening([PORT])).stdout, "reloaded\n")
            self.assertEqual(traces(), {})
            # Never a moment without.
            before = SERVICE.served
            for i in range(20):
                self.assertEqual(reload(listening([PORT, i + 1])).stdout, "reloaded\n")
                self.assertEqual(answers(), ["reset"] * 2)
            self.assertEqual(SERVICE.served, before)

    def test_D12_connections_wait_for_the_next_worker(self):
        with incoming(fail="closed") as service:
            for _ in range(2):
                os.kill(omnilink.worker_of(service), signal.SIGKILL)
                self.assertEqual(answers(), list(HOSTS))


class fail_modes(unittest.TestCase):
    def setUp(self):
        self.addCleanup(omnilink.run, "cleanup")

    def test_A13_open_killed_clients_go_to_the_service(self):
        service = incoming(hops=["reject"])
        self.assertEqual(answers(), ["reset"] * 2)
        omnilink.kill_all(service)
        self.assertEqual(answers(), list(HOSTS.values()), "the service sees who they are")
        self.assertEqual(traces(), {})

    def test_A11_A13_closed_killed_nobody_comes_to_the_service(self):
        service = incoming(fail="closed")
        own = service.where[0][1]
        clients = [dial(host) for host in HOSTS]
        for client in clients:
            origin.read_line(client)
        before = SERVICE.served
        omnilink.kill_all(service)
        for client in clients:
            with client, self.assertRaises(ConnectionError):  # what ran is cut, and what they send now meets nobody
                client.sendall(b"y")
                if client.recv(1) == b"":
                    client.sendall(b"z")
                    client.recv(1)
                    raise ConnectionResetError
        with socket.create_server(("127.0.0.1", own)):  # who takes the port is not omnilink
            for _ in range(3):
                self.assertEqual(answers(), ["refused"] * 2)
        self.assertEqual(SERVICE.served, before)
        self.assertEqual([locally(host) for host in (*HOSTS, "127.0.0.1", "::1")], [*HOSTS, "127.0.0.1", "::1"])
        (left, in_use), = traces().items()
        self.assertFalse(in_use)
        self.assertIn("/sys/fs/bpf/omnilink/", left)
        # The next start takes over, and its own orderly end leaves its own guard.
        with incoming(fail="closed"):
            self.assertEqual(answers(), list(HOSTS))
            self.assertEqual(list(traces().values()), [True])
        self.assertEqual(answers(), ["refused"] * 2)
        self.assertIn("removed", omnilink.run("cleanup").stdout)
        self.assertEqual(answers(), list(HOSTS.values()))
        self.assertEqual(omnilink.run("cleanup").stdout, "nothing is left\n")

    def test_A8_without_ipv6_on_loopback_what_is_captured_of_it_is_refused(self):
        setting = "/proc/sys/net/ipv6/conf/lo/disable_ipv6"
        world.write(setting, "1")
        self.addCleanup(world.write, setting, "0")
        with incoming():
            self.assertEqual(answers(), [world.NEAR4, "refused"])

    def test_what_cannot_be_is_said_in_one_line(self):
        def refused(*prefix, fail="open"):
            command = [*prefix, omnilink.BINARY, "run", "-L", f"cgroup://127.0.0.1:0?direction=in&port={PORT}&fail={fail}"]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=omnilink.CLIENT_SECONDS,
                                  env={**os.environ, "XDG_RUNTIME_DIR": tempfile.gettempdir()})
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
            self.assertEqual([answers(), traces()], [list(HOSTS.values()), {}])
            return done.stderr

        self.assertIn("CAP_BPF", refused("setpriv", "--bounding-set=-bpf,-sys_admin", "--inh-caps=-bpf,-sys_admin"))
        self.assertIn("mount -t bpf", refused("unshare", "--mount", "sh", "-c", 'umount /sys/fs/bpf && exec "$@"', "sh", fail="closed"))
        said = refused("strace", "-qq", "-f", "-o", "/dev/null", "-e", "trace=bpf", "-e", "inject=bpf:error=EINVAL:when=10+")
        self.assertIn("a redirect listener needs no BPF", said)

    def test_doctor_says_that_it_works(self):
        found = {f["subject"]: f for f in json.loads(omnilink.run("doctor", "--json").stdout)["findings"]}
        self.assertTrue(found["cgroup listeners: direction = in"]["ok"], found)
