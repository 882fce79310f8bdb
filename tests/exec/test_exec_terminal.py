"""Job control: a shell in a terminal treats exec as it would treat the command."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import tempfile
import termios
import time
import unittest

import stub


SAYS_WHEN_CONTINUED = """
import select, signal, socket, sys
wakes, woken = socket.socketpair()
woken.setblocking(False)
signal.set_wakeup_fd(woken.fileno())
signal.signal(signal.SIGCONT, lambda *_: None)
print("running", flush=True)
while wakes in (ready := select.select([0, wakes], [], [])[0]):
    for _ in wakes.recv(100):
        print("continued", flush=True)
print("got", input(), flush=True)
sys.exit(4)
"""


class terminal:
    """A program in a terminal of its own, its session leader."""

    def __init__(self, command, uid):
        program = stub.program()  # made here, not by the other user
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it
                os.fchown(0, uid, -1)
                stub.become(uid)
                os.chdir("/")
                os.environ.update(PS1="prompt> ", STUB=program, HISTFILE="/dev/null", TERM="dumb")
                os.execvp(command[0], command)
            finally:
                os._exit(99)
        self.text = ""

    def send(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern):
        """Reads until the pattern comes; what follows it stays for the next time."""
        deadline = time.monotonic() + stub.SECONDS
        while not (found := re.search(pattern, self.text)):
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"{pattern!r} did not come; there was {self.text!r}")
            try:
                self.text += os.read(self.fd, 4096).decode(errors="replace")
            except OSError:  # EIO: nobody holds the terminal any more
                raise AssertionError(f"{pattern!r} did not come; at the end there was {self.text!r}") from None
        self.text = self.text[found.end():]
        return found

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def close(self):
        os.close(self.fd)  # SIGHUP to the session
        return os.waitpid(self.pid, 0)[1]


class cases:
    uid = None

    def setUp(self):
        self.shell = terminal(["bash", "--norc", "--noediting", "-i"], self.uid)
        self.addCleanup(self.shell.close)
        self.shell.expect("prompt> ")

    def test_interrupt(self):
        self.shell.send("$STUB -- sh -c 'echo run''ning; exec sleep 1000'\n")
        self.shell.expect("running")
        self.shell.send("\x03")
        self.shell.expect("prompt> ")
        self.shell.send("echo code=$?\n")
        self.shell.expect("code=130")

    def test_a_command_that_handles_the_interrupt_sees_it_once(self):
        self.shell.send("$STUB -- bash -c 'trap \"echo caught; exit 9\" INT; echo run''ning; "
                        "while :; do read -t 0.1; done'; echo code=$?\n")
        self.shell.expect("running")
        self.shell.send("\x03")
        self.assertEqual(self.shell.expect("(?s)(.*)code=(\\d+)").group(1).count("caught"), 1)

    def test_quit(self):
        self.shell.send("ulimit -c 0; $STUB -- sh -c 'echo run''ning; exec sleep 1000'; echo code=$?\n")
        self.shell.expect("running")
        self.shell.send("\x1c")
        self.shell.expect("code=131")

    def test_suspend_and_continue_in_the_foreground(self):
        with tempfile.NamedTemporaryFile("w", suffix=".py") as program:
            program.write(SAYS_WHEN_CONTINUED)
            program.flush()
            os.chmod(program.name, 0o644)
            self.shell.send(f"$STUB -- /usr/bin/python3 {program.name}\n")
            self.shell.expect("running")
            for _ in range(3):
                self.shell.send("\x1a")
                self.shell.expect("Stopped")
                self.shell.expect("prompt> ")
                self.shell.send("fg\n")
                self.assertNotIn("Stopped", self.shell.expect("(?s)(.*?)continued\r\n").group(1))
            self.shell.send("word\n")
            self.assertNotIn("continued", self.shell.expect("(?s)(.*)got word").group(1))
            self.shell.expect("prompt> ")
            self.shell.send("echo code=$?; jobs; echo no more jo''bs\n")
            self.assertNotIn("STUB", self.shell.expect("(?s)code=4(.*)no more jobs").group(1))

    def test_background_reading_stops_the_job(self):
        self.shell.send("$STUB -- bash -c 'read a; echo got $a' &\n")
        self.shell.expect("prompt> ")
        self.shell.send("until jobs | grep -q Stopped; do sleep 0.01; done; echo it sto''pped\n")
        self.shell.expect("it stopped")
        self.shell.send("fg\n")
        self.shell.expect("STUB.*\n")
        self.shell.send("word\n")
        self.shell.expect("got word")

    def test_the_window_s_size(self):
        self.shell.send("$STUB -- bash -c 'trap \"stty size; exit\" WINCH; echo run''ning; "
                        "while :; do sleep 0.01; done'\n")
        self.shell.expect("running")
        self.shell.resize(33, 77)
        self.shell.expect("33 77")
        self.shell.expect("prompt> ")

    def test_a_shell_inside_has_job_control_of_its_own(self):
        self.shell.send("PS1='inn''er> ' $STUB -- bash --norc --noediting -i\n")
        self.shell.expect("inner> ")
        self.shell.send("sh -c 'echo run''ning; exec cat'\n")
        self.shell.expect("running")
        self.shell.send("\x1a")
        self.shell.expect("Stopped")
        self.shell.expect("inner> ")
        self.shell.send("sh -c 'echo run''ning again; exec sleep 1000'\n")
        self.shell.expect("running again")
        self.shell.send("\x03")
        self.shell.expect("inner> ")
        self.shell.send("fg\n")
        self.shell.expect("exec cat'")
        self.shell.send("some words\n")
        self.shell.expect("some words(?s:.*)some words")  # the terminal's echo, and cat
        self.shell.send("\x04")
        self.shell.expect("inner> ")
        self.shell.send("exit 5\n")
        self.shell.expect("prompt> ")
        self.shell.send("echo code=$?\n")
        self.shell.expect("code=5")

    def test_the_command_is_in_the_front_s_group_and_the_monitor_is_not(self):
        self.shell.send("$STUB -- bash -c 'ps -o pid=,pgid=,tpgid= -p $PPID; ps -o pid=,pgid=,tpgid= -p $$'; echo e''nd\n")
        rows = self.shell.expect("(?s)\n(.*)end").group(1).splitlines()
        (monitor, monitor_group, no_terminal), (_, group, foreground) = (map(int, row.split()) for row in rows[:2])
        self.assertEqual((monitor, no_terminal), (monitor_group, -1))
        self.assertEqual(group, foreground)


@stub.needs_root
class as_root(cases, unittest.TestCase):
    uid = 0


@stub.needs_root
class as_user(cases, unittest.TestCase):
    uid = 1000


@unittest.skipIf(os.geteuid() == 0, "root runs it as other users")
class as_myself(cases, unittest.TestCase):
    uid = os.geteuid()


class without_a_shell(unittest.TestCase):
    def test_exec_as_the_session_s_leader(self):
        t = terminal(stub.words("sh", "-c", "echo running; exec sleep 1000"), os.geteuid())
        t.expect("running")
        t.send("\x03")
        self.assertTrue(stub.life(t.pid).ends())
        self.assertEqual(os.WTERMSIG(t.close()), signal.SIGINT)

    def leader(self, text):
        """The command is a shell that runs this text."""
        t = terminal(stub.words("sh", "-c", text), os.geteuid())
        life = stub.life(t.pid)
        self.addCleanup(life.close)

        def end():
            with contextlib.suppress(ProcessLookupError, ChildProcessError):  # it ended by itself
                signal.pidfd_send_signal(life.fd, signal.SIGKILL)
                os.waitpid(t.pid, 0)

        self.addCleanup(end)
        t.expect("running")
        return t, life

    def test_nobody_could_continue_it_so_it_does_not_stop(self):
        t, _ = self.leader("echo running; read line; echo got $line")
        t.send("\x1a")
        t.send("word\n")
        t.expect("got word")
        t.close()

    def test_a_terminal_that_goes_away(self):
        t, life = self.leader("trap 'exit 7' HUP; echo running; while :; do sleep 0.01; done")
        os.close(t.fd)
        self.assertTrue(life.ends())
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(t.pid, 0)[1]), 7)
