"""Nothing in the sandbox asks a daemon of the host for a name, and ssh accepts its configuration."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import stub

STAND_INS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stand_ins.py")

# Connects to each socket, and to anything else that listens below /run.
KNOCK = """
    import os, socket
    paths = [os.path.join(folder, name) for folder, _, names in os.walk("/run") for name in names]
    for path in sorted({*paths, "/run/nscd/socket", "/var/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve",
                        "/run/systemd/machine/io.systemd.Machine", "/run/avahi-daemon/socket",
                        "/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket"}):
        try:
            socket.socket(socket.AF_UNIX).connect(path)
            print("reached", path)
        except OSError:
            pass
"""

# The daemons of the host start anew, each in a new directory.
RESTART = """
    import socket
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect("/mnt/restart")
        caller.recv(1)
"""


def mounts():
    with open("/proc/self/mountinfo") as file:
        return file.read()


class cases:
    uid = None

    def among_stand_ins(self, *command, when="now"):
        """(the ended process, connections per stand-in)"""
        with tempfile.TemporaryDirectory() as folder:
            result = os.path.join(folder, "seen")
            done = subprocess.run([sys.executable, STAND_INS, result, str(self.uid), when, *command],
                                  text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=stub.SECONDS, cwd="/")
            with open(result) as file:
                return done, json.load(file)

    def test_the_daemons_of_the_host_are_out_of_reach(self):
        done, seen = self.among_stand_ins(*stub.words(*stub.python(KNOCK)))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(set(seen.values()), {0})
        # And without the sandbox they are in reach, or this test would prove nothing.
        done, seen = self.among_stand_ins(*stub.python(KNOCK))
        self.assertEqual({count > 0 for count in seen.values()}, {True}, seen)

    def test_daemons_that_start_later_are_out_of_reach_too(self):
        for when in "now", "later":
            with self.subTest(when):
                inside = RESTART + KNOCK + """
    import subprocess
    subprocess.run(["getent", "ahostsv4", "some.name.test"], check=True, stdout=subprocess.DEVNULL)
"""
                done, seen = self.among_stand_ins(*stub.words(*stub.python(inside)), when=when)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
                self.assertEqual(set(seen.values()), {0})
                _, seen = self.among_stand_ins(*stub.python(RESTART + KNOCK), when=when)
                self.assertEqual({count > 0 for count in seen.values()}, {True}, seen)

    def test_all_else_in_run_is_the_host_s(self):
        done, _ = self.among_stand_ins(*stub.words("sh", "-c", "cat /run/link /run/file; readlink /run/link; "
                                                   "ls /run"))
        self.assertEqual((done.stdout.split("\n"), done.stderr),
                         (["of the host", "and this", "other/below/file", "avahi-daemon", "dbus", "file", "link", "nscd",
                           "other", "systemd", ""], ""))

    def test_a_command_started_in_run_is_in_the_private_one(self):
        done = stub.run(*stub.python("import os; print(os.getcwd(), os.path.samefile('.', '/run'))"), uid=self.uid,
                        cwd="/run")
        self.assertEqual((done.stdout, done.stderr), ("/run True\n", ""))

    def test_the_umask_says_nothing_about_the_private_files(self):
        for mask in 0, 0o077:
            done = stub.run("sh", "-c", "stat -c %a /etc/resolv.conf /etc/nsswitch.conf /run /run/nscd; umask",
                            uid=self.uid, before=lambda: os.umask(mask))
            self.assertEqual(done.stdout.split(), ["644", "644", "755", "755", f"{mask:04o}"], done.stderr)

    def test_getent_asks_our_name_server_alone(self):
        done, seen = self.among_stand_ins(*stub.words("getent", "ahostsv4", "some.name.test"))
        self.assertEqual(done.stdout.split()[0], "198.18.0.2", done.stderr)
        self.assertEqual(set(seen.values()), {0})
        _, seen = self.among_stand_ins("getent", "ahostsv4", "localhost")
        self.assertGreater(seen["/run/nscd/socket"], 0)

    def test_the_resolver_s_files_are_private(self):
        done, _ = self.among_stand_ins(*stub.words("sh", "-c", "cat /etc/resolv.conf /run/systemd/resolve/*; "
                                                   "grep hosts /etc/nsswitch.conf"))
        lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
        self.assertEqual(lines, ["nameserver 127.0.0.1"] * 3 + ["hosts: files dns"])

    @unittest.skipUnless(shutil.which("ssh") and os.path.isdir("/etc/ssh/ssh_config.d"), "ssh is not installed")
    def test_ssh_accepts_the_files_of_the_distribution(self):
        for host, user in ("distribution", "somebody"), ("linked", "somebody-else"):
            done, _ = self.among_stand_ins(*stub.words("ssh", "-G", host))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"user {user}\n", done.stdout)

    def test_the_mounts_stay_inside_and_tmp_is_the_host_s(self):
        with tempfile.NamedTemporaryFile("w", dir="/tmp") as file:
            file.write("of the host")
            file.flush()
            os.chmod(file.name, 0o644)
            before = mounts()
            done = stub.run("sh", "-c", f"cat {file.name}; pwd; ls", uid=self.uid, cwd="/tmp")
            self.assertEqual(done.stdout.splitlines()[0], "of the host/tmp")
            self.assertIn(os.path.basename(file.name), done.stdout.split())
            self.assertEqual(mounts(), before)


@stub.needs_root
class as_root(cases, unittest.TestCase):
    uid = 0

    def test_other_users_can_read_the_private_files_whatever_the_umask(self):
        done = stub.run("setpriv", "--reuid", "1000", "--clear-groups", "cat", "/etc/resolv.conf",
                        before=lambda: os.umask(0o077))
        self.assertIn("nameserver 127.0.0.1\n", done.stdout, done.stderr)


@stub.needs_root
class as_user(cases, unittest.TestCase):
    uid = 1000


@stub.needs_root
class as_nobody(cases, unittest.TestCase):
    uid = 65534
