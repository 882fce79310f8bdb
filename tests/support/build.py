"""Builds the presets: the first one before its tests, each later one behind the tests of the one before it."""

import os
import signal
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def command(preset, targets):
    return ["bash", "-c", '. "$0"; build "$@"', ROOT + "/deploy/setup.sh", preset, *targets]


def build(preset, targets):
    return subprocess.run(command(preset, targets)).returncode == 0


def yield_to_others():
    """Compilers take only what the tests leave of the processors; so no test is slower for them."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    # Where the kernel groups by session, a process's own priority does not count against other sessions'; the group's does.
    try:
        with open("/proc/self/autogroup", "w") as group:
            group.write("19")
    except OSError:
        pass


class build_behind:
    """A build that runs while tests run. What it says is kept until somebody waits for it."""

    def __init__(self, preset, targets):
        self.output = tempfile.TemporaryFile(mode="w+", errors="replace")
        self.process = subprocess.Popen(command(preset, targets), stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=yield_to_others)

    @property
    def pid(self):
        return self.process.pid

    def succeeded(self):
        """Waits for the end. With the processors left to it alone, it is as fast as any build."""
        if self.process.wait() != 0:
            self.output.seek(0)
            print(self.output.read(), flush=True)
        return self.process.returncode == 0

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.output.close()
