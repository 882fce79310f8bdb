"""libomnilink as its users have it: installed, found by pkg-config and by CMake, in a C, a Python and two Go programs.

    near                                                        far
      <v2>/omnilink-test-PID/service   an example's proxy,  --- veth --- ORIGIN
                                       curl as its child
"""

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
        run([servers.program("go"), "build", "-o", made, f"./{name}"], cwd=f"{EXAMPLES}/go", env={**ENV, "CGO_ENABLED": str(int(name == "proxy"))})
    return [made]


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
        os.environ["OMNILINK_LIBRARY"] = f"{ENV['LD_LIBRARY_PATH']}/libomnilink.so.0"
        # Its name is that of a module of the tests.
        spec = importlib.util.spec_from_file_location("omnilink_example", f"{EXAMPLES}/python/omnilink.py")
        example = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(example)
        ask = built("ask")
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
                return [(flow["original"], flow["connection"]) for flow in service.admin("nat", "list")["flows"]]

            greet = ORIGIN.port("greet")
            client = ["sh", "-c", f"exec nc {world.ORIGIN4} {greet}"]
            with subprocess.Popen(GROUPS.service([*command, *client]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  env={**ENV, "RUNTIME_DIRECTORY": service.folder}) as proxy:
                omnilink.wait_until(lambda: flows() == [(f"{world.ORIGIN4}:{greet}", 0)], "the service knows of it")
                proxy.stdin.close()
                proxy.stdout.read()
                omnilink.wait_until(lambda: flows() == [], "it has ended")
