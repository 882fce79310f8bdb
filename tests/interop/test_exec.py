"""`omnilink exec`: everyday programs, as root, as an ordinary user and as nobody, through two real hops."""

import functools
import os
import subprocess
import unittest

import hops
import omnilink
import origin
import sandboxed
import servers
import web
import world

PRESETS = ("release", "asan")
HELLO = "hello from the origin\n"

GO_PROGRAM = """package main

import (
    "fmt"
    "io"
    "net"
    "os"
)

func main() {
    c, err := net.Dial("tcp", os.Args[1])
    if err != nil {
        fmt.Println(err)
        os.Exit(1)
    }
    c.Write([]byte("5\\n"))
    all, _ := io.ReadAll(c)
    fmt.Println(len(all))
}
"""

ASYNCIO_PROGRAM = """
import asyncio, sys
async def one(port):
    reader, writer = await asyncio.open_connection("origin.test", port)
    writer.write(b"hello")
    answer = await reader.readexactly(5)
    writer.close()
    return answer
async def main():
    answers = await asyncio.gather(*(one(int(sys.argv[1])) for _ in range(20)))
    print(answers.count(b"hello"))
asyncio.run(main())
"""


def setUpModule():
    global SERVERS, ORIGIN, HOMES, CHAIN, FILES
    world.enter()
    SERVERS, ORIGIN, HOMES = servers.servers(), origin.origin(), sandboxed.homes()
    unittest.addModuleCleanup(SERVERS.__exit__, None, None, None)
    unittest.addModuleCleanup(ORIGIN.__exit__)
    unittest.addModuleCleanup(HOMES.close)
    CHAIN = [SERVERS.microsocks(), SERVERS.tinyproxy("user", "password")]
    FILES = SERVERS.path("files")
    os.mkdir(FILES)
    SERVERS.file("files/hello", HELLO)
    ORIGIN.serve("http", web.files(FILES))
    certificate, key = SERVERS.authority().certificate(["origin.test", world.ORIGIN4, world.ORIGIN6])
    ORIGIN.serve("https", hops.over_tls(certificate, key, web.files(FILES)))


def shell(*words, **options):
    subprocess.run(words, check=True, capture_output=True, **options)


@functools.cache
def git_repository():
    """A bare repository among the files, for git's plain HTTP protocol."""
    work, bare = SERVERS.path("work"), os.path.join(FILES, "repository.git")
    identity = {**os.environ, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
                "GIT_COMMITTER_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": "/dev/null"}
    shell("git", "init", "-q", work, env=identity)
    SERVERS.file("work/hello", HELLO)
    shell("git", "-C", work, "add", "hello", env=identity)
    shell("git", "-C", work, "commit", "-q", "-m", "one", env=identity)
    shell("git", "clone", "-q", "--bare", work, bare, env=identity)
    shell("git", "-C", bare, "update-server-info", env=identity)


@functools.cache
def package_repository():
    """One package, and the index that apt wants."""
    package = SERVERS.path("package")
    os.makedirs(f"{package}/DEBIAN")
    SERVERS.file("package/DEBIAN/control", "Package: omnilink-hello\nVersion: 1\nArchitecture: all\n"
                                           "Maintainer: nobody <nobody@origin.test>\nDescription: a test\n")
    os.mkdir(f"{FILES}/apt")
    deb = f"{FILES}/apt/omnilink-hello_1_all.deb"
    shell("dpkg-deb", "--root-owner-group", "--build", package, deb)
    digest = subprocess.run(["sha256sum", deb], check=True, capture_output=True, text=True).stdout.split()[0]
    control = subprocess.run(["dpkg-deb", "-f", deb], check=True, capture_output=True, text=True).stdout
    SERVERS.file("files/apt/Packages", f"{control}Filename: ./{os.path.basename(deb)}\n"
                                       f"Size: {os.path.getsize(deb)}\nSHA256: {digest}\n\n")


@functools.cache
def go_program():
    go = servers.program("go")
    source = SERVERS.file("dial.go", GO_PROGRAM)
    env = {**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off", "GOCACHE": SERVERS.path("go-cache"),
           "GOPATH": SERVERS.path("go"), "GOFLAGS": ""}
    shell(go, "build", "-o", SERVERS.path("dial"), source, env=env)
    return SERVERS.path("dial")


class programs(unittest.TestCase):
    def run_as(self, uid, *words, says=None, code=0, **options):
        ran = HOMES.run(uid, CHAIN, *words, **options)
        self.assertEqual(ran.returncode, code, f"{words}\n{ran.stdout}\n{ran.stderr}")
        if says is not None:
            self.assertEqual(ran.stdout, says, ran.stderr)
        return ran

    def curl(self, uid):
        http, https = ORIGIN.port("http"), ORIGIN.port("https")
        for host in ("origin.test", world.ORIGIN4, f"[{world.ORIGIN6}]"):
            self.run_as(uid, "curl", "-sS", f"http://{host}:{http}/hello", says=HELLO)
            self.run_as(uid, "curl", "-sS", "--cacert", SERVERS.authority().ca, f"https://{host}:{https}/hello",
                        says=HELLO)

    def wget(self, uid):
        self.run_as(uid, "wget", "-nv", "-O-", f"http://origin.test:{ORIGIN.port('http')}/hello", says=HELLO)

    def git_over_https(self, uid):
        git_repository()
        url = f"https://origin.test:{ORIGIN.port('https')}/repository.git"
        self.run_as(uid, "git", "clone", "-q", url, "clone", env={"GIT_SSL_CAINFO": SERVERS.authority().ca})
        self.run_as(uid, "cat", "clone/hello", says=HELLO)

    def ssh(self, uid):
        daemon = SERVERS.sshd(world.FAR4)
        key = HOMES.give(uid, SERVERS.path("user_key"))
        # A file of root's that /etc/ssh/ssh_config includes, as distributions have.
        if not os.path.ismount("/etc/ssh/ssh_config.d"):
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/etc/ssh/ssh_config.d"], check=True)
            world.write("/etc/ssh/ssh_config.d/20-test.conf", "Host alias.test\n  HostName hop.test\n")
        self.run_as(uid, "ssh", "-i", key, "-p", str(daemon.port), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
                    "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={HOMES.of(uid)}/known_hosts",
                    "root@alias.test", "echo hello", says="hello\n")

    def asyncio(self, uid):
        self.run_as(uid, "python3", "-c", ASYNCIO_PROGRAM, str(ORIGIN.port("echo")), says="20\n")

    def apt_get_download(self, uid):
        package_repository()
        home = HOMES.of(uid)
        os.chmod(home, 0o755)  # as root apt downloads as _apt
        for folder in ("state/lists/partial", "cache/archives/partial", "etc"):
            os.makedirs(f"{home}/{folder}")
        world.write(f"{home}/etc/sources.list", f"deb [trusted=yes] http://origin.test:{ORIGIN.port('http')}/apt ./\n")
        world.write(f"{home}/state/status", "")
        subprocess.run(["chown", "-R", f"{uid}:{uid}", home], check=True)
        options = [f"-oDir::State={home}/state", f"-oDir::State::status={home}/state/status", f"-oDir::Cache={home}/cache",
                   f"-oDir::Etc::sourcelist={home}/etc/sources.list", "-oDir::Etc::sourceparts=/dev/null",
                   "-oDir::Etc::preferencesparts=/dev/null"]
        self.run_as(uid, "apt-get", *options, "-q", "update")
        self.run_as(uid, "apt-get", *options, "-q", "download", "omnilink-hello")
        self.run_as(uid, "dpkg-deb", "-f", "omnilink-hello_1_all.deb", "Package", says="omnilink-hello\n")

    def dig(self, uid):
        for way in ([], ["+tcp"], ["@203.0.113.99"], ["@2001:db8::53", "+tcp"]):
            four = self.run_as(uid, "dig", "+short", "+timeout=5", *way, "origin.test", "A").stdout
            self.assertRegex(four, r"^198\.1[89]\.\d+\.\d+\n$", way)
        self.assertRegex(self.run_as(uid, "dig", "+short", "origin.test", "AAAA").stdout, "^fd")
        other = self.run_as(uid, "dig", "origin.test", "HTTPS").stdout
        self.assertIn("status: NOERROR", other)
        self.assertIn("ANSWER: 0", other)

    def static_go_program(self, uid):
        program = go_program()
        for host in ("origin.test", world.ORIGIN4, f"[{world.ORIGIN6}]"):
            self.run_as(uid, program, f"{host}:{ORIGIN.port('download')}", says="5\n")

    def large_transfer(self, uid):
        """64 MiB down through the sandbox and both hops; the sandbox's own digest of it."""
        ORIGIN.serve("large", lambda c: (omnilink.read_http_head(c), c.sendall(b"HTTP/1.0 200 OK\r\n\r\n"),
                                         origin.send_bytes(c, 64 << 20)))
        ran = self.run_as(uid, "sh", "-c", f"curl -sS http://origin.test:{ORIGIN.port('large')}/ | sha256sum")
        self.assertEqual(ran.stdout.split()[0], origin.digest_of(64 << 20))


class as_root(unittest.TestCase):
    def test_su_works(self):
        if not world.is_root():
            world.cannot("needs root")
        ran = HOMES.run(sandboxed.ROOT, CHAIN, "su", "-s", "/bin/sh", "nobody", "-c", "id -u")
        self.assertEqual((ran.returncode, ran.stdout), (0, "65534\n"), ran.stderr)


def add_tests():
    names = {0: "root", 1000: "uid_1000", 65534: "uid_65534"}
    for name in ("curl", "wget", "git_over_https", "ssh", "asyncio", "apt_get_download", "dig", "static_go_program",
                 "large_transfer"):
        for uid, user in names.items():
            def test(self, uid=uid, body=getattr(programs, name)):
                if uid not in sandboxed.users():
                    world.cannot("needs root, to become another user")
                body(self, uid)

            setattr(programs, f"test_{name}_as_{user}", test)


add_tests()
