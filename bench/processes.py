"""Programs that the bench starts: on a core of their own, with their CPU time, and ended by their process ids."""

import os
import signal
import subprocess
import time

import network

CPUCLOCK_SCHED = 2
END_SECONDS = 10
QUIET_SECONDS, QUIET_MOST = 0.02, 2.0
QUIET_SHARE = 0.02  # of a core: timers
PR_SET_PDEATHSIG = 1


class process:
    """`with process(command, core, log) as p:` runs until the block ends; `log` gets what it says."""

    def __init__(self, command, core, log, **options):
        self.output = open(log, "ab")
        self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
                                      preexec_fn=lambda: prepare_child(core), **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.send_signal(signal.SIGINT)  # what drains on TERM would wait for its connections
        try:
            self.popen.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.output.close()

    def alive(self):
        return self.popen.poll() is None

    def pids(self):
        """Its own and those of all that it has started, as far as they live."""
        out = [self.popen.pid]
        for pid in out:
            out += children(pid)
        return out

    def cpu_seconds(self):
        """Of the whole tree, including threads that have ended. No candidate starts a process per connection."""
        return sum(cpu_of(pid) for pid in self.pids())


    def wait_until_quiet(self):
        """What was asked of it is done, as far as its CPU time shows."""
        deadline, before = time.monotonic() + QUIET_MOST, self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(QUIET_SECONDS)
            now = self.cpu_seconds()
            if now - before < QUIET_SECONDS * QUIET_SHARE:
                return
            before = now


def prepare_child(core):
    os.sched_setaffinity(0, {core})
    os.setsid()
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
    return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)


def run(command, core, seconds):
    """To its end; its output."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds,
                          preexec_fn=lambda: prepare_child(core))
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def cores():
    """(of the candidate, of everything else)."""
    mine = sorted(os.sched_getaffinity(0))
    return mine[0], mine[-1]
