"""A turn: a candidate on a core of its own, warmed up, the load tool on another, and what both took.

Where no hop needs their core, the load tool and its target stay awake, so that no candidate pays for waking them: who is a little slower
than its load pays most, and real clients sleep elsewhere.
"""

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time

import memory
import network
import peers
import processes
import syscalls
from candidates import floor, place
from processes import holding, process, run

BUILD = f"{os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}/build/release"
LOAD = f"{BUILD}/bench/bench_load"
TURN_SECONDS = 60  # a turn that takes longer hangs
WARM_UP = 200  # connections
SPARE_DESCRIPTORS = 1000  # of a process, for all but its connections
GIVE_BACK_SECONDS = 3  # after all connections have ended
LOG_SHOWN = 2000  # characters of a candidate's log, when its turn fails


class front:
    """In place of a process: a command that runs the load tool, anew for each load."""

    start_seconds = 0

    def __init__(self, words, cores):
        self.words, self.cores, self.spent, self.to_start = words, cores, 0, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, load, cores):
        if not self.to_start:
            _, self.to_start = run([*self.words, "true"], self.cores, TURN_SECONDS)
        out, spent = run([*self.words, "taskset", "-c", ",".join(map(str, cores)), *load], self.cores, TURN_SECONDS)
        self.spent += spent - json.loads(out)["cpu_seconds"] - self.to_start
        return out

    def cpu_seconds(self):
        """Without the load tool's, and without what it takes to start."""
        return self.spent

    def wait_until_quiet(self):
        pass

    def pids(self):
        return []

    def program_bytes(self):
        return os.stat(self.words[0]).st_size


class surroundings:
    """What is there during one scenario: the target, the hops, and a folder for the candidates' files."""

    def __init__(self, scenario, folder, own_cores, other_cores):
        self.scenario, self.folder, self.own_cores, self.other_cores = scenario, folder, own_cores, other_cores

    @contextlib.contextmanager
    def set_up(self):
        self.target, self.hops, self.others = network.free_port(), [], []
        with contextlib.ExitStack() as running:
            awake = ["awake"] if self.scenario.awake else []
            command = [LOAD, "target", f"0.0.0.0:{self.target}", *awake]
            self.others.append(running.enter_context(process(command, self.other_cores, os.devnull)))
            network.wait_until_listens(self.target, self.others[0].alive)
            for kind in self.scenario.hops:
                self.hops.append(running.enter_context(self.hop(kind)))
            yield self

    def place(self, cores, *words):
        folder = tempfile.mkdtemp(dir=self.folder)
        os.chmod(folder, 0o755)
        return place(BUILD, cores, folder, self.folder, *words)

    @contextlib.contextmanager
    def hop(self, kind):
        """Its port. It has to be cheaper than the candidates: the floor, as a proxy."""
        at = self.place(self.other_cores)
        with floor("http" if kind == "http" else "socks5")(at) as running:
            self.others.append(running)
            if not kind.startswith("tls"):
                yield at.port
                return
            front = self.place(self.other_cores, self.target, (), (), processes.most_descriptors() // 2)
            with peers.terminator(front, at.port, kind == "tls") as terminator:
                self.others.append(terminator)
                yield front.port

    @contextlib.contextmanager
    def candidate(self, name, connections=0, flows=0):
        """Started and warm."""
        one = self.scenario.candidates[name]
        cores = os.sched_getaffinity(0) if one.on_all_cores else self.own_cores
        at = self.place(cores, self.target, self.hops, self.scenario.hops, connections, flows)
        try:
            with front(one.start(at), self.own_cores) if one.in_front else one.start(at) as running:
                out = under_load(self, one, at, running)
                out.put_load(["connections", "--lanes", "8"], "--count", str(WARM_UP))
                running.wait_until_quiet()
                yield out
        except Exception:
            with contextlib.suppress(OSError), open(os.path.join(at.folder, "log"), errors="replace") as log:
                say(log.read()[-LOG_SHOWN:])
            raise
        finally:
            shutil.rmtree(at.folder, ignore_errors=True)

    def turn(self, name, what, seconds, divisor):
        if what.idle:
            return self.idle_turn(name, connections_for(what.idle // divisor), divisor)
        beside = connections_for(what.beside // divisor) if what.beside else 0
        with self.candidate(name, beside, what.flows) as one:
            resident = memory.resident(one.running.pids())
            out = one.measure(what.words, seconds)
            if beside:
                with one.holding(beside):
                    out = {**one.measure(what.words, seconds), "without": out}
            if what.flows:
                one.announce(what.flows // divisor)
                out = {**one.measure(what.words, seconds), "without": out}
            return {**out, "start_seconds": one.running.start_seconds, "resident_kib": resident, "program_bytes": one.running.program_bytes()}

    def idle_turn(self, name, count, divisor):
        with self.candidate(name, count) as one:
            before = memory.held(one.running.pids())
            with one.holding(count):
                one.running.wait_until_quiet()
                during = memory.held(one.running.pids())
            one.running.wait_until_quiet()
            time.sleep(GIVE_BACK_SECONDS / divisor)
            after = memory.held(one.running.pids())
        out = {what: (getattr(during, what) - getattr(before, what)) / count for what in ("user", "kernel", "descriptors", "threads")}
        return {**out, "count": count, "user_after": (after.user - before.user) / count}

    def count_syscalls(self, name, words, count):
        with self.candidate(name) as one:
            with syscalls.counting(one.running.pids(), os.path.join(self.folder, "strace"), self.own_cores) as counts:
                one.put_load(words, "--count", str(count))
                one.running.wait_until_quiet()
        return {call: calls / count for call, calls in counts.items()}


class under_load:
    """A candidate that runs, and what is done to it."""

    def __init__(self, here, one, at, running):
        self.here, self.one, self.at, self.running = here, one, at, running
        self.way = here.scenario.way(one, here.target, at.port)

    def put_load(self, words, *amount, awake=False):
        load = [LOAD, *words, *self.way, *amount, *(["--awake", "1"] if awake else [])]
        cores = self.here.other_cores
        return json.loads(self.running.run(load, cores) if self.one.in_front else run(load, cores, TURN_SECONDS)[0])

    def measure(self, words, seconds):
        before, others = self.running.cpu_seconds(), sum(p.cpu_seconds() for p in self.here.others)
        out = self.put_load(words, "--seconds", str(seconds), awake=self.here.scenario.awake)
        out["load_cpu_seconds"] = out.pop("cpu_seconds") + sum(p.cpu_seconds() for p in self.here.others) - others
        self.running.wait_until_quiet()
        out["cpu_seconds"] = self.running.cpu_seconds() - before
        return out

    def holding(self, count):
        return holding([LOAD, "idle", "--lanes", "64", *self.way, "--count", str(count)], self.here.other_cores)

    def announce(self, count):
        run([f"{BUILD}/bench/bench_announce", f"{self.at.folder}/query.sock", str(count)], self.here.other_cores, TURN_SECONDS)
        self.running.wait_until_quiet()


def connections_for(wanted):
    """At once, each of which takes two descriptors of a proxy."""
    descriptors = processes.most_descriptors()
    possible = (descriptors - SPARE_DESCRIPTORS) // 2
    if possible < wanted * 0.9:
        raise network.unavailable(f"{wanted} connections need {2 * wanted + SPARE_DESCRIPTORS} descriptors a process, there are "
                                  f"{descriptors}: raise the limit (ulimit -Hn)")
    return min(wanted, possible)


def say(text):
    print(text, file=sys.stderr, flush=True)
