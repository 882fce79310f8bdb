"""libomnilink as its users have it: installed, found by pkg-config and by CMake, in a C, a Python and two Go programs.

    near                                                        far
      <v2>/omnilink-test-PID/service   an example's proxy,  --- veth --- ORIGIN
                                       curl as its child
"""

import contextlib
import functools
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

import cgroups
import omnilink
import origin
import programs
import servers
import world

BUILD = os.environ["OMNILINK_BUILD"]
EXAMPLES = os.path.join(os.path.dirname(__file__), "../../capi/examples")
BUILD_SECONDS = 100

CMAKE_PROJECT = """cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(omnilink 0.1 REQUIRED)
add_executable(user user.c)
target_link_libraries(user PRIVATE omnilink::omnilink)
"""
CMAKE_PROGRAM = """#include <omnilink.h>
#include <stdio.h>
int main(void) { return get_destination(70000).host != NULL || puts(omnilink_version()) < 0; }
"""


def setUpModule():
    global GROUPS, ORIGIN, PREFIX, ENV
    GROUPS = cgroups.prepare()
    unittest.addModuleCleanup(GROUPS.remove_all)
    ORIGIN = origin.origin()
    unittest.addModuleCleanup(ORIGIN.__exit__)
    folder = tempfile.TemporaryDirectory(prefix="omnilink-capi-")
    unittest.addModuleCleanup(folder.cleanup)
    PREFIX = folder.name
    run(["cmake", "--install", BUILD, "--prefix", PREFIX])
    # By a path that stays: Go's cache keeps the one that it was built with.
    link = f"{BUILD}/installed"
    if os.path.lexists(link):
        os.remove(link)
    os.symlink(PREFIX, link)
    packages = os.path.dirname(run(["find", f"{link}/", "-name", "omnilink.pc"]).strip())
    ENV = {**os.environ, "PKG_CONFIG_PATH": packages, "LD_LIBRARY_PATH": f"{PREFIX}/{os.path.relpath(os.path.dirname(packages), link)}", "HOME": PREFIX,
           "GOCACHE": f"{BUILD}/go-client/cache", "GOFLAGS": "-mod=mod"}


def run(command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BUILD_SECONDS, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stdout}")
    return done.stdout


def built(name):
    """The command of an example."""
    made = f"{PREFIX}/{name}"
    if name == "c":
        words = run(["pkg-config", "--cflags", "--libs", "omnilink"], env=ENV).split()
        run(["cc", "-Wall", "-Wextra", "-Werror", "-o", made, f"{EXAMPLES}/c/proxy.c", *words])
    elif name == "python":
        return [sys.executable, f"{EXAMPLES}/python/omnilink.py"]
    else:
        run([servers.program("go"), "build", "-o", made, f"./{name}"], cwd=f"{EXAMPLES}/go", env={**ENV, "CGO_ENABLED": str(int(name != "ask"))})
    return [made]


@functools.cache
def python_module():
    os.environ["OMNILINK_LIBRARY"] = f"{ENV['LD_LIBRARY_PATH']}/libomnilink.so.0"
    # Its name is that of a module of the tests.
    spec = importlib.util.spec_from_file_location("omnilink_example", f"{EXAMPLES}/python/omnilink.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PRIVATE = """version = 1
[query]
socket = "{folder}/private-query.sock"
[admin]
socket = "{folder}/private-admin.sock"
[[listen]]
url = "mixed://127.0.0.1:0"
"""
JUDGED = """version = 1
[query]
socket = ""
[admin]
socket = ""
[[listen]]
url = "cgroup://127.0.0.1:0"
capture = {{ cgroup = "{group}" }}
fail = "open"
[[callout]]
name = "judge"
kind = "library"
timeout = "60s"
[[rule]]
action = "callout:judge"
[[rule]]
action = "direct"
"""
JUDGE_OF_PROGRAMS = """import sys
sys.path.insert(0, sys.argv[1])
import omnilink
def judge(asked):
    print(asked.layer, asked.host, asked.port, asked.exe, asked.uid, flush=True)
    return omnilink.REJECT if ":" in asked.host else omnilink.CONTINUE
with omnilink.Service(*sys.argv[2:], callouts={"judge": judge}) as service:
    print("ready", flush=True)
    while True:
        service.dispatch(60000)
"""
HOST_OF_A_SERVICE = """import os, sys
sys.path.insert(0, sys.argv[1])
import omnilink
service = omnilink.Service(sys.argv[2], sys.argv[3])
print(service.address(), flush=True)
sys.stdin.readline()
"""
# Connects, and ends the connection before it ends itself: each when it is told to.
CLIENT = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))):
    sys.stdin.readline()
sys.stdin.read()
"""
# argv: the library, where to connect to. The port's destination, once the service knows it too; and what is known after it was forgotten.
FORGETFUL = """import ctypes, os, socket, subprocess, sys
class Destination(ctypes.Structure):
    _fields_ = [("host", ctypes.c_void_p), ("port", ctypes.c_uint32), ("version", ctypes.c_void_p)]
library = ctypes.CDLL(sys.argv[1])
library.get_destination.restype = Destination
listener = socket.create_server(("127.0.0.1", 0))
connect = "import socket, sys; sys.stdin.readline(); c = socket.create_connection((sys.argv[1], int(sys.argv[2]))); c.recv(1)"
client = subprocess.Popen([sys.executable, "-c", connect, *sys.argv[2:]], stdin=subprocess.PIPE, text=True)
assert library.start_redirector(client.pid, os.getpid(), listener.getsockname()[1], 0) == 1
print(file=client.stdin, flush=True)
accepted, peer = listener.accept()
print(library.get_destination(peer[1]).port, flush=True)
sys.stdin.readline()
print(library.delete_destination(peer[1]), library.get_destination(peer[1]).host, flush=True)
library.stop_redirector()
print(library.get_destination(peer[1]).host, flush=True)
accepted.close()
client.wait()
"""


class capi(unittest.TestCase):
    def test_a_program_of_a_cmake_project(self):
        source = f"{PREFIX}/user"
        os.mkdir(source)
        world.write(f"{source}/CMakeLists.txt", CMAKE_PROJECT)
        world.write(f"{source}/user.c", CMAKE_PROGRAM)
        run(["cmake", "-S", source, "-B", f"{source}/build", f"-DCMAKE_PREFIX_PATH={PREFIX}"])
        run(["cmake", "--build", f"{source}/build"])
        self.assertRegex(run([f"{source}/build/user"]), r"^\d+\.\d+\.\d+\n$")

    def intercepted(self, name):
        command = built(name)
        web = ORIGIN.serve("web", programs.web)
        size = 200_000
        for host in (world.ORIGIN4, world.ORIGIN6):
            saved = f"{PREFIX}/{name}-saved"
            curl = ["curl", "-s", "--max-time", "60", "-o", saved, f"http://{world.written(host, web)}/{size}"]
            done = GROUPS.run(*command, *curl, name="/service", env=ENV)
            self.assertEqual((done.stdout, done.stderr, done.returncode), (f"{host} {web}\n", "", 0))
            with open(saved, "rb") as body:
                self.assertEqual(hashlib.sha256(body.read()).hexdigest(), origin.digest_of(size))
        failed = GROUPS.run(*command, "sh", "-c", "exit 7", name="/service", env=ENV)
        self.assertEqual((failed.stdout, failed.returncode), ("", 7), "nothing opened; and it ends as the program does")
        unprivileged = ["setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
        os.chmod(PREFIX, 0o755)
        refused = GROUPS.run(*unprivileged, *command, "true", name="/service", env=ENV)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("CAP_BPF", refused.stderr)

    def test_the_c_example_intercepts_curl(self):
        self.intercepted("c")

    def test_the_python_example_intercepts_curl(self):
        self.intercepted("python")

    def test_the_go_example_intercepts_curl(self):
        self.intercepted("proxy")

    def test_a_running_service_is_asked(self):
        """By the library, as the Python example has it, and by Go alone."""
        example, ask = python_module(), built("ask")
        with omnilink.service() as service, omnilink.socks5(service.address, world.ORIGIN4, ORIGIN.port("greet")) as client:
            client.recv(1)
            where, port = client.getsockname()
            query = f"{service.folder}/query.sock"
            with example.Flows(query) as flows:
                known = flows.destination_of_port(port)
                self.assertEqual((known.host, known.port), (world.ORIGIN4, ORIGIN.port("greet")))
                self.assertIsNone(flows.destination_of_port(1))
            self.assertEqual(run([*ask, query, f"{where}:{port}"]), f"{world.ORIGIN4}:{ORIGIN.port('greet')}\n")
            self.assertEqual(subprocess.run([*ask, query, "127.0.0.1:1"], capture_output=True).returncode, 4)
        with example.Flows(query) as flows:
            self.assertIsNone(flows.destination_of_port(port), "there is no service any more")
        with example.Flows("") as flows:
            self.assertIsNone(flows.destination_of_port(port))

    def test_a_running_service_knows_what_a_redirector_intercepts(self):
        """The flow is in its table from its begin to its end, though it never comes to omnilink."""
        command = built("c")
        with omnilink.service() as service:
            def flows():
                return [(flow["original"], flow["connection"]) for flow in service.admin("nat", "list")["flows"] if flow["state"] == "live"]

            greet = ORIGIN.port("greet")
            client = [sys.executable, "-c", CLIENT, world.ORIGIN4, str(greet)]
            with subprocess.Popen(GROUPS.service([*command, *client]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  env={**ENV, "RUNTIME_DIRECTORY": service.folder}) as proxy:
                omnilink.wait_until(lambda: flows() == [(f"{world.ORIGIN4}:{greet}", 0)], "the service knows of it")
                proxy.stdin.write(b"\n")
                proxy.stdin.flush()
                omnilink.wait_until(lambda: flows() == [], "it has ended")
                proxy.stdin.close()
            program = [sys.executable, "-c", FORGETFUL, f"{ENV['LD_LIBRARY_PATH']}/libomnilink.so.0", world.ORIGIN4, str(greet)]
            with subprocess.Popen(GROUPS.service(program), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  env={**ENV, "RUNTIME_DIRECTORY": service.folder}) as agent:
                self.assertEqual(agent.stdout.readline(), f"{greet}\n")
                omnilink.wait_until(lambda: len(flows()) == 1, "the service knows of it")
                # What the service was told is no answer for the one who told it.
                self.assertEqual(agent.communicate("\n")[0], "1 None\nNone\n")

    @contextlib.contextmanager
    def judge(self, *command):
        """A proxy that lets through to one address only: its output, and a function that asks it for a page of another one."""
        web = ORIGIN.serve("web", programs.web)
        env = {**ENV, "OMNILINK": omnilink.BINARY, "OMNILINK_LIBRARY": f"{ENV['LD_LIBRARY_PATH']}/libomnilink.so.0"}
        with subprocess.Popen([*command, world.ORIGIN4], stdout=subprocess.PIPE, text=True, env=env) as judge:
            proxy = ["curl", "-s", "--max-time", "60", "-o", os.devnull, "--proxy", f"socks5h://{judge.stdout.readline().strip()}"]
            run([*proxy, f"http://{world.written(world.ORIGIN4, web)}/10"])
            refused = subprocess.run([*proxy, f"http://{world.written(world.ORIGIN6, web)}/10"])
            self.assertEqual(refused.returncode, 97, "CURLE_PROXY")
            yield judge.stdout, web
            judge.terminate()

    def test_a_python_function_judges_connections(self):
        with self.judge(sys.executable, f"{EXAMPLES}/python/judge.py") as (said, web):
            self.assertRegex(said.readline(), rf"^{world.ORIGIN4}:{web} \d+ bytes: no error\n$")
            self.assertEqual(said.readline(), f"{world.ORIGIN6}:{web} 0 bytes: rejected by the route: by \"rule 1\"\n")

    def test_a_function_judges_what_the_kernel_brings(self):
        """The private service is netd and its worker, which asks; the program is known."""
        config = JUDGED.format(group=f"{GROUPS.name}/app")
        command = [sys.executable, "-c", JUDGE_OF_PROGRAMS, f"{EXAMPLES}/python", config, omnilink.BINARY]
        env = {**ENV, "OMNILINK_LIBRARY": f"{ENV['LD_LIBRARY_PATH']}/libomnilink.so.0"}
        with subprocess.Popen(GROUPS.service(command), stdout=subprocess.PIPE, text=True, env=env) as judge:
            self.assertEqual(judge.stdout.readline(), "ready\n")
            port = ORIGIN.port("greet")
            self.assertIn(GROUPS.client(world.ORIGIN6, port), ("ECONNRESET", "end"))
            python = os.path.realpath(sys.executable)
            self.assertEqual(judge.stdout.readline(), f"3 {world.ORIGIN6} {port} {python} 0\n")
            self.assertTrue(GROUPS.client(world.ORIGIN4, port).startswith("220 "))
            self.assertEqual(judge.stdout.readline(), f"3 {world.ORIGIN4} {port} {python} 0\n")
            judge.kill()

    def test_a_go_function_judges_connections(self):
        with self.judge(*built("judge")):
            pass

    def test_a_private_service_of_a_configuration_in_memory(self):
        example = python_module()
        config = PRIVATE.format(folder=PREFIX)
        with self.assertRaisesRegex(example.Error, r'/proc/self/fd/3:8:3: unknown key "lisen".*did you mean "listen"'):
            example.Service(config + "[[lisen]]\n", omnilink.BINARY)
        with self.assertRaisesRegex(example.Error, "No such file"):
            example.Service(config, "/nowhere/omnilink")
        with example.Service(config, omnilink.BINARY, f"{PREFIX}/private-query.sock") as service:
            host, _, port = service.address().rpartition(":")
            with omnilink.socks5((host, int(port)), world.ORIGIN4, ORIGIN.port("greet")) as client:
                self.assertEqual(client.recv(3), b"220")
                self.assertEqual(service.destination_of_port(client.getsockname()[1]).host, world.ORIGIN4)
        with self.assertRaises(ConnectionRefusedError):
            omnilink.connect((host, int(port)))
        with subprocess.Popen([sys.executable, "-c", HOST_OF_A_SERVICE, f"{EXAMPLES}/python", config, omnilink.BINARY], env=ENV,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as host_of_it:
            host, _, port = host_of_it.stdout.readline().strip().rpartition(":")
            omnilink.connect((host, int(port))).close()
            host_of_it.kill()

        def gone():
            try:
                omnilink.connect((host, int(port))).close()
            except ConnectionRefusedError:
                return True
            return False

        omnilink.wait_until(gone, "it ends with the process that wanted it")
