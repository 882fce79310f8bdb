"""The command sees and is seen as if omnilink were not there; what outlives it keeps its network."""

import ctypes
import os
import select
import signal
import subprocess
import tempfile
import unittest

import stub

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_REC, MS_PRIVATE, MS_BIND = 16384, 1 << 18, 4096
PR_CAPBSET_DROP, CAP_SYS_ADMIN = 24, 21

WHO = """
    import os, signal, resource
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    print(os.getresuid(), os.getresgid(), os.getcwd(), sorted(os.environ.items()), os.umask(0),
          resource.getrlimit(resource.RLIMIT_NOFILE), os.getpgrp() == os.getppid(), os.getsid(0),
          *(status[k].strip() for k in ("SigBlk", "SigIgn", "NoNewPrivs")))
"""


class cases:
    uid = None

    def run_inside(self, *command, **kw):
        return stub.run(*command, uid=self.uid, **kw)

    def test_identity_directory_environment_and_signals_are_unchanged(self):
        def block():
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)

        command = stub.python(WHO)
        env = {"PATH": os.environ["PATH"], "LANG": "C", "STRANGE": "a b\tc"}
        inside = self.run_inside(*command, env=env, cwd="/usr/share", before=block)

        def prepare():
            block()
            stub.become(self.uid)
        outside = subprocess.run(command, env=env, cwd="/usr/share", text=True, stdout=subprocess.PIPE,
                                 preexec_fn=prepare)
        cut = lambda text: text.replace(" True ", " x ").replace(" False ", " x ")  # whose group: see the terminal's tests
        self.assertEqual(cut(inside.stdout), cut(outside.stdout))

    def test_ordinary_users_have_no_capabilities(self):
        done = self.run_inside("grep", "-E", "^Cap(Prm|Eff|Inh|Amb)", "/proc/self/status")
        values = {line.split()[1] for line in done.stdout.splitlines()}
        self.assertEqual(values == {"0" * 16}, self.uid != 0, done.stdout)
        namespace = self.run_inside("readlink", "/proc/self/ns/user").stdout.strip()
        self.assertEqual(namespace == os.readlink("/proc/self/ns/user"), self.uid == 0)

    def test_exit_codes(self):
        with tempfile.NamedTemporaryFile() as plain:
            os.chmod(plain.name, 0o644)
            for command, code in ((["true"], 0), (["sh", "-c", "exit 7"], 7), (["sh", "-c", "exit 125"], 125),
                                  (["sh", "-c", "kill -TERM $$"], -signal.SIGTERM),
                                  (["sh", "-c", "kill -KILL $$"], -signal.SIGKILL),
                                  (["sh", "-c", "kill -SEGV $$"], -signal.SIGSEGV)):
                with self.subTest(command=command):
                    done = self.run_inside(*command)
                    self.assertEqual((done.returncode, done.stderr), (code, ""))
            done = self.run_inside("/nonexistent/program")
            self.assertEqual(done.returncode, 127)
            self.assertEqual(done.stderr, "omnilink exec: /nonexistent/program: No such file or directory\n")
            done = self.run_inside(plain.name)
            self.assertEqual(done.returncode, 126)
            self.assertEqual(done.stderr, f"omnilink exec: {plain.name}: Permission denied\n")

    def test_standard_streams_and_other_descriptors_pass_through(self):
        text = "line\n" * 100000
        self.assertEqual(self.run_inside("cat", input=text).stdout, text)
        self.assertEqual(self.run_inside("sh", "-c", "echo out; echo err >&2").stderr, "err\n")
        read_end, write_end = os.pipe()
        with os.fdopen(read_end) as reader:
            done = self.run_inside("bash", "-c", f"ls /proc/self/fd; echo from the command >&{write_end}",
                                   pass_fds=(write_end,))
            os.close(write_end)
            self.assertEqual(reader.read(), "from the command\n")
        # Nothing of ours: 0, 1, 2, the passed one, and that of ls itself.
        self.assertEqual(len(done.stdout.split()), 5, done.stdout)

    def test_closed_standard_streams_stay_closed(self):
        done = self.run_inside("sh", "-c", "[ ! -e /proc/$$/fd/0 ] && echo closed", before=lambda: os.close(0))
        self.assertEqual((done.returncode, done.stdout), (0, "closed\n"))

    def test_a_file_that_the_command_closed_is_closed(self):
        def hung_up(fd):
            other_end = select.poll()
            other_end.register(fd, 0)  # POLLHUP for a reader, POLLERR for a writer
            return bool(other_end.poll(stub.SECONDS * 1000))

        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            gate = folder + "/gate"
            os.mkfifo(gate)
            os.chmod(gate, 0o666)
            reader, writer = os.pipe()
            with stub.start("bash", "-c", f"exec <&- >&- {writer}>&-; read go <{gate}", uid=self.uid,
                            stdin=subprocess.PIPE, pass_fds=(writer,)) as process:
                os.close(writer)
                closed = [hung_up(fd) for fd in (process.stdin.fileno(), process.stdout.fileno(), reader)]
                os.close(reader)
                with open(gate, "w") as go:
                    go.write("go\n")
                self.assertEqual(process.wait(stub.SECONDS), 0)
        self.assertEqual(closed, [True] * 3)

    def test_an_alarm_that_was_set_before_ends_the_command(self):
        done = self.run_inside("sleep", "1000", before=lambda: signal.alarm(1))
        self.assertEqual((done.returncode, done.stderr), (-signal.SIGALRM, ""))

    def test_a_signal_sent_to_exec_reaches_the_command(self):
        with stub.start("sh", "-c", "trap 'echo got it; exit 9' USR1; echo ready; while :; do sleep 0.01; done",
                        uid=self.uid) as process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(process.stdout.readline(), "got it\n")
            self.assertEqual(process.wait(stub.SECONDS), 9)
        with stub.start("sh", "-c", "echo ready; exec sleep 1000", uid=self.uid) as process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            process.terminate()
            self.assertEqual(process.wait(stub.SECONDS), -signal.SIGTERM)

    def test_stop_and_continue(self):
        with stub.start("sh", "-c", "kill -STOP $$; echo continued", uid=self.uid) as process:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            self.assertTrue(os.WIFSTOPPED(status))
            process.send_signal(signal.SIGCONT)
            self.assertEqual(process.stdout.readline(), "continued\n")
            self.assertEqual(process.wait(stub.SECONDS), 0)

    def test_exec_ends_with_the_command_and_orphans_keep_their_network(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            gate, answer = folder + "/gate", folder + "/answer"
            os.mkfifo(gate)
            os.chmod(gate, 0o666)
            orphan = (f"read go <{gate}; exec 3<>/dev/tcp/203.0.113.7/4242; read line <&3; echo $line >{answer}.part; "
                      f"mv {answer}.part {answer}")
            # communicate() in run() ends when nobody holds the pipes any more: `exec … | cat` would end.
            done = self.run_inside("bash", "-c", f"setsid bash -c '{orphan}' </dev/null >/dev/null 2>&1 & echo $PPID $!")
            self.assertEqual(done.returncode, 0, done.stderr)
            monitor, orphan = (stub.life(int(pid)) for pid in done.stdout.split())
            self.assertFalse(monitor.ends(0))
            with open(gate, "w") as go:
                go.write("go\n")
            self.assertTrue(orphan.ends())
            with open(answer) as file:
                self.assertRegex(file.read(), "^original 203.0.113.7:4242 ")
            self.assertTrue(monitor.ends(), "the monitor goes with the last orphan")

    def test_the_command_dies_with_its_monitor(self):
        with stub.start("sh", "-c", "echo $PPID $$; exec sleep 1000", uid=self.uid) as process:
            monitor, command = (int(pid) for pid in process.stdout.readline().split())
            life = stub.life(command)
            os.kill(monitor, signal.SIGKILL)
            self.assertEqual(process.wait(stub.SECONDS), 125)
            self.assertTrue(life.ends())
            self.assertEqual(process.stderr.read(),
                             "omnilink exec: the monitor was ended by signal 9, and the command with it\n")

    def test_the_command_goes_on_without_its_front(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            gate = folder + "/gate"
            os.mkfifo(gate)
            os.chmod(gate, 0o666)
            command = f"echo $PPID; read go <{gate}; exec 3<>/dev/tcp/203.0.113.7/4242; cat <&3"
            with stub.start("bash", "-c", command, uid=self.uid) as process:
                monitor = stub.life(int(process.stdout.readline()))
                process.kill()
                self.assertEqual(process.wait(stub.SECONDS), -signal.SIGKILL)
                with open(gate, "w") as go:
                    go.write("go\n")
                self.assertRegex(process.stdout.read(), "^original 203.0.113.7:4242 ")
                self.assertTrue(monitor.ends())

    def test_reported_lines_are_shown_without_control_bytes(self):
        done = self.run_inside("sh", "-c", "exit 3", options=["--say", "one \x1b[31mline"])
        self.assertEqual((done.returncode, done.stderr), (3, "omnilink exec: one ?[31mline\n"))

    def test_a_reported_line_that_nobody_reads_is_no_harm(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = self.run_inside("sh", "-c", "read line; exit 3", input="go\n", stderr=writer,
                               options=["--say", "lost"])
        os.close(writer)
        self.assertEqual(done.returncode, 3)

    def test_a_service_that_does_not_start_is_said(self):
        done = self.run_inside("touch", "/nonexistent/file", options=["--refuse", "no such hop"])
        self.assertEqual((done.returncode, done.stdout, done.stderr), (125, "", "omnilink exec: no such hop\n"))

    def test_a_plan_that_cannot_be_is_refused(self):
        done = self.run_inside("echo", "ran", options=["--loopback", "53"])
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertRegex(done.stderr, r"^omnilink exec: cannot make the sandbox: plan: [^\n]*53[^\n]*\n$")


@stub.needs_root
class as_root(cases, unittest.TestCase):
    uid = 0


@stub.needs_root
class as_user(cases, unittest.TestCase):
    uid = 1000


@stub.needs_root
class as_nobody(cases, unittest.TestCase):
    uid = 65534


@unittest.skipIf(os.geteuid() == 0, "root runs it as other users")
class as_myself(cases, unittest.TestCase):
    uid = os.geteuid()


class refused_namespaces(unittest.TestCase):
    def refused(self, sysctl):
        """In a user namespace whose limit is set to 0."""
        uid = 1000 if os.geteuid() == 0 else os.geteuid()

        def confine():
            stub.become(uid)
            gid = os.getegid()
            libc = ctypes.CDLL(None, use_errno=True)
            libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, or /proc/self belongs to root
            assert libc.unshare(CLONE_NEWUSER) == 0
            maps = ("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")
            for file, text in maps:
                with open(f"/proc/self/{file}", "w") as out:
                    out.write(text)
            with open(f"/proc/sys/user/{sysctl}", "w") as out:
                out.write("0")

        return stub.run("echo", "ran", uid=uid, before=confine)

    def test_one_line_names_the_step_the_cause_and_the_remedy(self):
        for sysctl in "max_user_namespaces", "max_net_namespaces", "max_mnt_namespaces":
            with self.subTest(sysctl):
                done = self.refused(sysctl)
                self.assertEqual((done.returncode, done.stdout), (125, ""))
                self.assertEqual(done.stderr, "omnilink exec: cannot make the sandbox: unshare: No space left on device "
                                 "(errno 28); namespaces are switched off here: "
                                 f"sysctl -w user.{sysctl}=15000\n")

    @stub.needs_root
    def test_in_a_chroot(self):
        def confine():
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.unshare(CLONE_NEWNS) == 0
            assert libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) == 0
            assert libc.mount(b"/", b"/mnt", None, MS_BIND | MS_REC, None) == 0
            os.chroot("/mnt")
            os.chdir("/")

        done = stub.run("echo", "ran", uid=1000, before=confine)
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertRegex(done.stderr, r"^omnilink exec: cannot make the sandbox: unshare: Operation not permitted "
                         r"\(errno 1\); user namespaces are refused in a chroot [^\n]*\n$")

    @stub.needs_root
    def test_root_without_capabilities(self):
        def confine():
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0)

        done = stub.run("echo", "ran", uid=0, before=confine)
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertRegex(done.stderr, r"^omnilink exec: cannot make the sandbox: unshare: Operation not permitted "
                         r"\(errno 1\); root needs CAP_SYS_ADMIN [^\n]*\n$")
