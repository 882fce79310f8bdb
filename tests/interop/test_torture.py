"""Every system call of a connection fails once: whatever the error, the connection ends with a verdict and the service goes on."""

import contextlib
import functools
import os
import signal
import subprocess
import tempfile
import unittest

import omnilink
import origin
import servers
import world

PRESETS = ("release", "asan")
MIB = 1 << 20

# What the calls of a trip fail with: an error that the kernel gives, and that ends the trip or is of no account to it.
FAILURES = {
    "accept4": "ECONNABORTED",
    "socket": "EMFILE",
    "connect": "ENETUNREACH",
    "setsockopt": "ENOBUFS",
    "getsockopt": "ENOBUFS",
    "epoll_ctl": "ENOMEM",
    "sendto": "ECONNRESET",
    "recvfrom": "ECONNRESET",
    "shutdown": "ENOTCONN",
}
SIZE = 2 * MIB
# Between two plain sockets so many take another way, and fall back from it.
BULK = 8 * MIB
# Behind the calls of the handshakes come those of the relay, all alike.
CALLS_MAX = 16


def setUpModule():
    global SERVERS, ORIGIN
    world.enter()
    if not world.is_root():
        raise unittest.SkipTest("strace may not look into a process that holds credentials, unless it is root's")
    SERVERS, ORIGIN = servers.servers(), origin.origin()
    ORIGIN.serve("sized", sized)
    unittest.addModuleCleanup(SERVERS.__exit__, None, None, None)
    unittest.addModuleCleanup(ORIGIN.__exit__)


def sized(connection):
    if size := origin.read_line(connection):
        origin.send_bytes(connection, int(size))


@functools.cache
def chain():
    return SERVERS.microsocks("user", "word"), SERVERS.tinyproxy(), SERVERS.stunnel(SERVERS.microsocks())


@contextlib.contextmanager
def failing(pid, call, error, number):
    """While it lasts, the number-th `call` of each thread of this process fails; what it yields holds afterwards what strace saw."""
    with tempfile.NamedTemporaryFile("r") as seen:
        command = [servers.program("strace"), "-f", "-p", str(pid), "-o", seen.name, "-e", f"trace={call}", "-e", "signal=none",
                   "-e", f"inject={call}:error={error}:when={number}"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=world.die_with_parent) as tracer:
            said = tracer.stderr.readline()
            if "attached" not in said:
                raise AssertionError(said)
            calls = []
            try:
                yield calls
            finally:
                tracer.send_signal(signal.SIGINT)  # it lets go of the process
                tracer.wait()
                calls += seen.readlines()


class torture(unittest.TestCase):
    def trip(self, address, size):
        """Down and up; how it ended for the client."""
        try:
            with omnilink.socks5(address, world.ORIGIN4, ORIGIN.port("sized")) as client:
                client.settimeout(20)
                client.sendall(b"%d\n" % size)
                return origin.read_all(client)
        except (omnilink.refused, EOFError, ConnectionError) as error:
            return error

    def check(self, call, error, size, hops):
        whole = (size, origin.digest_of(size))
        # What cannot be written to may still have something to say; strace's error is not the kernel's, and nothing comes.
        with omnilink.service(*hops(), hop_timeout="3s", half_close_timeout="1s", workers=1) as service:
            self.assertEqual(self.trip(service.address, size), whole)
            service.access()
            at_rest, reports = descriptors(service), reported(service)
            for number in range(1, CALLS_MAX + 1):
                with failing(service.process.pid, call, error, number) as seen:
                    outcome = self.trip(service.address, size)
                    reports += 1
                    omnilink.wait_until(lambda: reported(service) >= reports, "what became of it")
                if not any("INJECTED" in line for line in seen):
                    self.assertGreater(number, 1, "nothing failed")
                    break
                with self.subTest(number):
                    # A short answer with a clean end would pass for the whole.
                    self.assertTrue(outcome == whole or isinstance(outcome, Exception), outcome)
            self.assertEqual(self.trip(service.address, size), whole, "the service goes on")
            omnilink.wait_until(lambda: descriptors(service) <= at_rest, f"no more than {at_rest} descriptors again")


def reported(service):
    """Connections that have a verdict, or could not even be taken."""
    return sum('"verdict"' in line or "accept-failed" in line for line in service.lines)


def descriptors(service):
    return len(os.listdir(f"/proc/{service.process.pid}/fd"))


def add_tests():
    for call, error in FAILURES.items():
        setattr(torture, f"test_C6_{call}", functools.partialmethod(torture.check, call, error, SIZE, chain))
    torture.test_C6_splice = functools.partialmethod(torture.check, "splice", "EINVAL", BULK, tuple)


add_tests()
