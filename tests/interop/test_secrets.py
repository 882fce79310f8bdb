"""Credentials are nowhere to be read: a canary in each place where one is given, looked for in everything that omnilink says."""

import base64
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import unittest

import hops
import omnilink
import origin
import world

# One canary for each way to give a password. The name is no secret, and shows that a line would be found.
IN_URL, IN_CONFIG, IN_FILE = "canary-url", "canary-config", "canary-file"
CANARIES = (IN_URL, IN_CONFIG, IN_FILE)


def setUpModule():
    global ORIGIN
    world.enter()
    ORIGIN = origin.origin()
    unittest.addModuleCleanup(ORIGIN.__exit__)


def written(canary):
    """All the shapes in which it travels."""
    login = f"user:{canary}".encode()
    return {canary.encode(), canary[::-1].encode(), base64.b64encode(login), base64.b64encode(canary.encode()).rstrip(b"=")}


def login_then(reply):
    """A SOCKS5 hop that takes a login, and the whole request if it likes it."""

    def whole(connection):
        omnilink.read_exactly(connection, omnilink.read_exactly(connection, 2)[1])
        connection.sendall(b"\x05\x02")
        omnilink.read_exactly(connection, omnilink.read_exactly(connection, 2)[1])
        omnilink.read_exactly(connection, omnilink.read_exactly(connection, 1)[0])
        connection.sendall(reply)
        return hops.hold(connection)

    return whole


class E5_secrets(unittest.TestCase):
    def setUp(self):
        self.said = []  # everything that anybody could read

    def assert_clean(self):
        everything = b"\n".join(self.said)
        self.assertIn(b"user", everything, "nothing was looked at")
        for canary in CANARIES:
            for shape in written(canary):
                self.assertEqual([line for line in everything.splitlines() if shape in line], [])

    def hear(self, *words, code=None):
        done = omnilink.run(*words, text=False)
        self.said += [done.stdout, done.stderr]
        if code is not None:
            self.assertEqual(done.returncode, code, done.stderr)
        return done

    def look_at(self, pid):
        for name in ("cmdline", "environ", "comm", "status", "maps"):
            with open(f"/proc/{pid}/{name}", "rb") as text:
                self.said.append(text.read())

    @contextlib.contextmanager
    def configuration(self, hop_url):
        with tempfile.TemporaryDirectory() as folder:
            login = f"{folder}/login"
            world.write(login, f"user:{IN_FILE}\n")
            os.chmod(login, 0o600)
            yield folder, (f'[[hop]]\nname = "one"\nurl = "{hop_url}"\n[[hop]]\nname = "two"\nurl = "socks5://{world.FAR4}:9"\n'
                           f'auth_file = "{login}"\n[[chain]]\nname = "out"\nhops = ["one", "two"]\n')

    def test_E5_nothing_that_is_said_at_debug_shows_a_credential(self):
        refusing = hops.scripted(ORIGIN, login_then(b"\x01\x01"))
        silent = hops.scripted(ORIGIN, login_then(b"\x01\x00"))
        web = hops.scripted(ORIGIN, hops.says(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), "http")
        for hop in (refusing, silent, web):
            url = hop.url.replace("://", f"://user:{IN_CONFIG}@")
            with self.configuration(url) as (_, more):
                with omnilink.service(more=more, hop_timeout="1s", flags=["-vv"]) as service:
                    self.talk_to(service, f"{service.folder}/omnilink.toml")
        with omnilink.service(refusing.url.replace("://", f"://user:{IN_URL}@"), flags=["-vv"]) as service:
            self.talk_to(service, None)
        self.said.append(b"user")
        self.assert_clean()

    def talk_to(self, service, config):
        for kind in (omnilink.socks5, omnilink.http_connect):
            with contextlib.suppress(omnilink.refused, OSError, EOFError):
                kind(service.address, "name.test", 80).close()
        service.access(-1, 2)
        admin = ("--socket", f"{service.folder}/admin.sock")
        for verb in (["nat", "list"], ["nat", "stats"], ["connections"]):
            self.hear(*verb, *admin, code=0)
            self.hear(*verb, "--json", *admin, code=0)
        self.hear("query", "--socket", f"{service.folder}/query.sock", "127.0.0.1:1")
        if config:
            self.hear("check", "-c", config, code=0)
            for old, new in (("[[chain]]", "[[chian]]"), ("socks5://", "sock5://"), ("@", "@@"), ('"\n[[hop]]', "\n[[hop]]")):
                with open(config) as text:
                    before = text.read()
                world.write(config, before.replace(old, new, 1))
                self.hear("check", "-c", config)
                self.hear("reload", *admin)
                world.write(config, before)
            self.hear("reload", *admin, code=0)
        self.look_at(service.process.pid)
        for thread in os.listdir(f"/proc/{service.process.pid}/task"):
            self.look_at(f"{service.process.pid}/task/{thread}")
        self.said += [line.encode() for line in service.lines]

    def test_E5_no_check_of_a_wrong_file_quotes_a_credential(self):
        """Every line of the file cut off, and every byte behind the password changed into something that is wrong there."""
        url = f"socks5://user:{IN_CONFIG}@{world.FAR4}:1"
        with self.configuration(url) as (folder, more):
            text = 'version = 1\n' + more
            path = f"{folder}/omnilink.toml"
            at = text.index(IN_CONFIG) + len(IN_CONFIG)
            wrong = [text[:at + i] + bad + text[at + i + 1:] for i in range(12) for bad in ("\n", '"', "%", "\x01", "|", "?")]
            wrong += [text.replace('"' + url, url, 1), text.replace("url", "ulr", 1), text.replace("socks5://user", "socks9://user", 1),
                      text.replace(f'"{url}"', f'["{url}"]', 1), text.replace('hops = ["one"', f'hops = ["{url}"', 1),
                      text.replace('name = "one"', f'name = "{url}"', 1), text.replace("[[hop]]", f'[["{url}"]]', 1)]
            for one in wrong:
                world.write(path, one)
                os.chmod(path, 0o600)
                self.hear("check", "-c", path)
            world.write(f"{folder}/login", f"user{IN_FILE}")
            world.write(path, text)
            self.hear("check", "-c", path, code=78)
        self.assert_clean()

    def test_E5_no_core_dump_of_any_process(self):
        """run, and behind a redirect listener both of its processes; exec has three."""
        url = f"socks5://user:{IN_URL}@{world.FAR4}:9"

        def crash(process, pids):
            for pid in pids:
                os.kill(pid, signal.SIGABRT)
            return process.wait(20)

        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as limits:
            before = resource.getrlimit(resource.RLIMIT_CORE)
            resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
            limits.callback(resource.setrlimit, resource.RLIMIT_CORE, before)
            self.check_cores_are_made(folder)
            commands = [["run", "-L", "mixed://127.0.0.1:0", "-F", url]]
            if world.is_root():
                commands.append(["run", "-L", "redirect://127.0.0.1:0?port=9&fail=open", "-F", url])
            for command in commands:
                shutil.rmtree("/run/omnilink", ignore_errors=True)  # /run is the tests' own; root's sockets are not the worker's to replace
                with self.subTest(command[2]):
                    ready, write_end = os.pipe()
                    process = subprocess.Popen([omnilink.BINARY, *command, "-q", "--ready-fd", str(write_end)], pass_fds=(write_end,), cwd=folder,
                                               env={"XDG_RUNTIME_DIR": folder}, preexec_fn=world.die_with_parent)
                    os.close(write_end)
                    with os.fdopen(ready) as text:
                        self.assertNotEqual(text.read(), "")
                    with open(f"/proc/{process.pid}/task/{process.pid}/children") as children:
                        pids = [process.pid, *map(int, children.read().split())]
                    self.assertEqual(crash(process, pids), -signal.SIGABRT)
                    self.assertEqual([name for name in os.listdir(folder) if name.startswith("core")], [])
            self.crash_exec(folder, url)

    def crash_exec(self, folder, url):
        with subprocess.Popen([omnilink.BINARY, "exec", "-F", url, "--", "sh", "-c", "echo; read x"], cwd=folder, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as front:
            self.assertEqual(front.stdout.readline(), b"\n")
            with open(f"/proc/{front.pid}/task/{front.pid}/children") as children:
                monitor = int(children.read())
            os.kill(monitor, signal.SIGABRT)
            os.kill(front.pid, signal.SIGABRT)
        self.assertEqual([name for name in os.listdir(folder) if name.startswith("core")], [])

    def check_cores_are_made(self, folder):
        """Otherwise the absence of one says nothing."""
        with open("/proc/sys/kernel/core_pattern") as pattern:
            if pattern.read().strip() not in ("core", "core.%p"):
                self.skipTest("cores do not go to the current folder here")
        dumped = subprocess.Popen(["sh", "-c", "kill -ABRT $$"], cwd=folder)
        dumped.wait()
        made = [name for name in os.listdir(folder) if name.startswith("core")]
        if not made:
            self.skipTest("no core dumps here")
        for name in made:
            os.remove(os.path.join(folder, name))


if __name__ == "__main__":
    unittest.main()
