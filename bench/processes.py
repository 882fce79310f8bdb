"""Programs that the bench starts: on a core of their own, with their CPU time, and ended by their process ids."""

import contextlib
import os
import resource
import signal
import subprocess
import time

import network

CPUCLOCK_SCHED = 2
END_SECONDS = 3
HOLD_SECONDS = 30  # to close what was held
QUIET_SECONDS, QUIET_MOST = 0.02, 2.0
QUIET_SHARE = 0.02  # of a core: timers
PR_SET_PDEATHSIG = 1
DESCRIPTORS = 150_000  # two for each of 50 000 connections, and then some


def most_descriptors():
    """That a process may have here. From now on this one and those that it starts have them."""
    with contextlib.suppress(ValueError, OSError):  # who may not raise the limit has what there is
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    most = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class process:
    """`with process(command, cores, log) as p:` runs until the block ends; `log` gets what it says."""

    def __init__(self, command, cores, log, **options):
        self.output, self.begun, self.start_seconds = open(log, "ab"), time.monotonic(), 0
        self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
                                      preexec_fn=lambda: prepare_child(cores), **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.send_signal(signal.SIGINT)  # what drains on TERM would wait for its connections
        try:
            self.popen.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)  # what it has left behind, too
        self.popen.wait()
        self.output.close()

    def is_ready(self):
        self.start_seconds = time.monotonic() - self.begun

    def alive(self):
        return self.popen.poll() is None

    def program_bytes(self):
        return os.stat(self.popen.args[0]).st_size

    def pids(self):
        """Its own and those of all that it has started, as far as they live."""
        out = [self.popen.pid]
        for pid in out:
            out += children(pid)
        return out

    def cpu_seconds(self):
        """Of the whole tree, including threads and processes that have ended."""
        return sum(cpu_of(pid) + cpu_of_ended(pid) for pid in self.pids())

    def wait_until_quiet(self):
        """What was asked of it is done, as far as its CPU time shows."""
        deadline, before = time.monotonic() + QUIET_MOST, self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(QUIET_SECONDS)
            now = self.cpu_seconds()
            if now - before < QUIET_SECONDS * QUIET_SHARE:
                return
            before = now


@contextlib.contextmanager
def holding(command, cores):
    """While the block runs, so does this command, which has said its one line, until its standard input ends."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          preexec_fn=lambda: prepare_child(cores)) as popen:
        try:
            if not popen.stdout.readline():
                raise RuntimeError(f"{' '.join(command)}: ended")
            yield
            popen.stdin.close()
            popen.wait(HOLD_SECONDS)
        finally:
            popen.kill()


def prepare_child(cores):
    os.sched_setaffinity(0, cores)
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which a shell's background job ignores
    # Should the bench be killed.
    network.libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def children(pid):
    out = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as text:
                out += map(int, text.read().split())
    except FileNotFoundError:
        pass  # it has ended meanwhile
    return out


def cpu_of(pid):
    # clock_getcpuclockid(3): what /proc/PID/stat counts in ticks of 10 ms, in nanoseconds.
    try:
        return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)
    except OSError:
        return 0  # it has ended meanwhile


def cpu_of_ended(pid):
    """Of the children that it has waited for; in ticks, but most have none."""
    with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/stat") as text:
        words = text.read().rsplit(")", 1)[1].split()
        return (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK")
    return 0


def run(command, cores, seconds):
    """To its end; (its output, the CPU time of its whole tree)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds,
                          preexec_fn=lambda: prepare_child(cores))
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def own_cores():
    """Sets of one each: (the candidate's, everything else's)."""
    mine = sorted(os.sched_getaffinity(0))
    return {mine[0]}, {mine[-1]}
