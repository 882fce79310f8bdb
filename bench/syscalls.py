"""System calls of running processes, counted by strace."""

import contextlib
import os
import signal
import subprocess

import network
from candidates import program
from processes import prepare_child

END_SECONDS = 20


@contextlib.contextmanager
def counting(pids, file, cores):
    """A dict that is filled, {call: count}, when the block ends. The tracer works where those do that wait for it."""
    command = [program("strace"), "-f", "-c", "-U", "calls,name", "-o", file]
    for pid in pids:
        command += ["-p", str(pid)]
    out = {}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          preexec_fn=lambda: prepare_child(cores)) as tracer:
        try:
            for _ in pids:
                line = tracer.stderr.readline()
                if "attached" not in line:
                    raise network.unavailable(f"strace may not attach: {line.strip()}")
            yield out
            tracer.send_signal(signal.SIGINT)
            tracer.wait(END_SECONDS)
            with open(file) as lines:
                out.update(parse(lines))
        finally:
            tracer.kill()
            with contextlib.suppress(FileNotFoundError):
                os.remove(file)


def parse(lines):
    for line in lines:
        words = line.split()
        if len(words) == 2 and words[0].isdigit() and words[1] != "total":
            yield words[1], int(words[0])
