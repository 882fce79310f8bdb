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


def mounts():
    with open("/proc/self/mountinfo") as file:
        return file.read()


class cases:
    uid = None

    def among_stand_ins(self, *command):
        """(the ended process, connections per stand-in)"""
        with tempfile.TemporaryDirectory() as folder:
            result = os.path.join(folder, "seen")
            done = subprocess.run([sys.executable, STAND_INS, result, str(self.uid), *command], text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
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


@stub.needs_root
class as_user(cases, unittest.TestCase):
    uid = 1000


@stub.needs_root
class as_nobody(cases, unittest.TestCase):
    uid = 65534
