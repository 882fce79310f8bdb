"""Measures omnilink beside a floor of our own and its peers; bench/run is its front.

A turn is: start a candidate on a core of its own, warm it up, let the load tool on the other core do one kind of work for a
while, and take the CPU time of the candidate's whole process tree. Turns are interleaved, A B C then C B A, so that what the
machine does beside us meets all of them; the ratios are taken within a round. Where no hop needs their core, the load tool and
its target stay awake, so that no candidate pays for waking them: who is a little slower than its load pays most, and real
clients sleep elsewhere.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time

import network
import peers
import report
import results
import syscalls
from candidates import floor, place
from processes import cores, process, run
from scenarios import SCENARIOS, WORK

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = f"{ROOT}/build/release"
LOAD = f"{BUILD}/bench/bench_load"
ROUNDS = 5
PEERS_EVERY = 4  # rounds
SECONDS, QUICK_SECONDS = 0.5, 0.05  # of load in a turn
TURN_SECONDS = 60  # a turn that takes longer hangs
WARM_UP = 200  # connections
TRACED = {"connections": (8, 500), "requests-64": (64, 10_000)}  # under strace: lanes, and how many
QUICK_TRACED = 5  # times less
LOG_SHOWN = 2000  # characters of a candidate's log, when its turn fails


class front:
    """In place of a process: a command that runs the load tool, anew for each load."""

    start_seconds = 0

    def __init__(self, words, core):
        self.words, self.core, self.spent, self.to_start = words, core, 0, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, load, core):
        if not self.to_start:
            _, self.to_start = run([*self.words, "true"], self.core, TURN_SECONDS)
        out, spent = run([*self.words, "taskset", "-c", str(core), *load], self.core, TURN_SECONDS)
        self.spent += spent - json.loads(out)["cpu_seconds"] - self.to_start
        return out

    def cpu_seconds(self):
        """Without the load tool's, and without what it takes to start."""
        return self.spent

    def wait_until_quiet(self):
        pass


class bench:
    """What is there during one scenario: the target, the hops, and a folder for the candidates' files."""

    def __init__(self, scenario, folder, own_core, other_core):
        self.scenario, self.folder, self.own_core, self.other_core = scenario, folder, own_core, other_core

    @contextlib.contextmanager
    def surroundings(self):
        self.target, self.hops, self.others = network.free_port(), [], []
        with contextlib.ExitStack() as running:
            awake = ["awake"] if self.scenario.awake else []
            command = [LOAD, "target", f"0.0.0.0:{self.target}", *awake]
            self.others.append(running.enter_context(process(command, self.other_core, os.devnull)))
            network.wait_until_listens(self.target, self.others[0].alive)
            for kind in self.scenario.hops:
                self.hops.append(running.enter_context(self.hop(kind)))
            yield self

    @contextlib.contextmanager
    def hop(self, kind):
        """Its port. It has to be cheaper than the candidates: the floor, as a proxy."""
        at = place(BUILD, self.other_core, tempfile.mkdtemp(dir=self.folder))
        with floor(kind)(at) as running:
            self.others.append(running)
            yield at.port

    @contextlib.contextmanager
    def candidate(self, name):
        """Started and warm; yields (its process, what puts load on it)."""
        folder = tempfile.mkdtemp(dir=self.folder)
        os.chmod(folder, 0o755)
        at = place(BUILD, self.own_core, folder, self.target, self.hops, self.scenario.hops)
        one = self.scenario.candidates[name]
        way = self.scenario.way(one, self.target, at.port)

        def put_load(words, *amount):
            load = [LOAD, *words, *way, *amount, *(["--awake", "1"] if self.scenario.awake else [])]
            out = running.run(load, self.other_core) if one.in_front else run(load, self.other_core, TURN_SECONDS)[0]
            return json.loads(out)

        try:
            with front(one.start(at), self.own_core) if one.in_front else one.start(at) as running:
                put_load(["connections", "--lanes", "8"], "--count", str(WARM_UP))
                running.wait_until_quiet()
                yield running, put_load
        except Exception:
            with contextlib.suppress(OSError), open(os.path.join(folder, "log"), errors="replace") as log:
                say(log.read()[-LOG_SHOWN:])
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def turn(self, name, work, seconds):
        with self.candidate(name) as (running, put_load):
            before, others = running.cpu_seconds(), sum(p.cpu_seconds() for p in self.others)
            out = put_load(WORK[work], "--seconds", str(seconds))
            out["load_cpu_seconds"] = out.pop("cpu_seconds") + sum(p.cpu_seconds() for p in self.others) - others
            running.wait_until_quiet()
            out["cpu_seconds"] = running.cpu_seconds() - before
            out["start_seconds"] = running.start_seconds
        return out

    def count_syscalls(self, name, words, count):
        with self.candidate(name) as (running, put_load):
            with syscalls.counting(running.pids(), os.path.join(self.folder, "strace")) as counts:
                put_load(words, "--count", str(count))
                running.wait_until_quiet()
        return {call: calls / count for call, calls in counts.items()}


def say(text):
    print(text, file=sys.stderr, flush=True)


def wanted(only, scenario, work):
    return work in scenario.works and (not only or scenario.name in only or f"{scenario.name}.{work}" in only)


class campaign:
    """One scenario's turns. A peer that is missing or fails is left out from then on; omnilink and the floor may not."""

    def __init__(self, here, options, works):
        self.here, self.options, self.works = here, options, works
        self.scenario = here.scenario
        self.seconds = QUICK_SECONDS if options.quick else options.seconds
        self.out = {"turns": [], "syscalls": {}, "left_out": {}}

    def attempt(self, name, what, *words):
        if name in self.out["left_out"]:
            return None
        try:
            return what(name, *words)
        except network.unavailable as error:
            self.out["left_out"][name] = str(error)
        except Exception as error:
            if not self.scenario.candidates[name].is_peer:
                raise
            self.out["left_out"][name] = str(error).splitlines()[0] if str(error) else type(error).__name__
        say(f"{self.scenario.name}: without {name}: {self.out['left_out'][name]}")
        return None

    def run(self):
        begun = time.monotonic()
        for number in range(self.options.rounds):
            self.round(number)
            left = (time.monotonic() - begun) / (number + 1) * (self.options.rounds - number - 1)
            say(f"{self.scenario.name}: round {number + 1} of {self.options.rounds} is done"
                + (f"; about {left / 60:.1f} min more" if left else ""))
        if self.scenario.floor == "floor":
            self.count_syscalls()
        return self.out

    def round(self, number):
        names = [name for name, one in self.scenario.candidates.items() if not one.is_peer or number % self.options.peers_every == 0]
        for work in self.works:
            for name in names if number % 2 == 0 else reversed(names):
                if one := self.attempt(name, self.here.turn, work, self.seconds):
                    self.out["turns"].append({"candidate": name, "work": work, "round": number, **one})

    def count_syscalls(self):
        divisor = QUICK_TRACED if self.options.quick else 1
        for work, (lanes, count) in TRACED.items():
            if work in self.works:
                counts = self.out["syscalls"][work] = {}
                for name, one in self.scenario.candidates.items():
                    if name not in self.out["left_out"] and one.has_cpu and not one.in_front:
                        with contextlib.suppress(network.unavailable):
                            counts[name] = self.here.count_syscalls(name, [WORK[work][0], "--lanes", str(lanes)], count // divisor)


def measure(scenario, options, folder, own_core, other_core):
    works = [work for work in WORK if wanted(options.only, scenario, work)]
    with bench(scenario, folder, own_core, other_core).surroundings() as here:
        return campaign(here, options, works).run()


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run", description="Measures omnilink beside a floor and its peers.",
                                     epilog="Scenarios: " + "; ".join(f"{s.name}: {s.title}" for s in SCENARIOS)
                                     + ". Work: " + ", ".join(WORK) + ".")
    parser.add_argument("--quick", action="store_true", help=f"one round of {QUICK_SECONDS} s a turn: a glance, not a result; under 3 minutes")
    parser.add_argument("--only", action="append", metavar="SCENARIO",
                        help="one scenario, or one measurement of it: socks5.connections; may be repeated. What was measured before, of the "
                             "same build, stays in the report")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"default {ROUNDS}, about 15 minutes; published figures have 20, under an hour")
    parser.add_argument("--peers-every", type=int, default=PEERS_EVERY, metavar="N", help=f"peers take part in every Nth round; default {PEERS_EVERY}")
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help=f"of load in a turn; default {SECONDS}")
    out = parser.parse_args()
    out.rounds = out.rounds or (1 if out.quick else ROUNDS)
    if out.rounds < 1 or out.peers_every < 1 or out.seconds <= 0:
        parser.error("--rounds, --peers-every: at least 1; --seconds: more than 0")
    for word in out.only or []:
        if not any(wanted([word], s, work) for s in SCENARIOS for work in WORK):
            names = ", ".join(s.name for s in SCENARIOS)
            parser.error(f"--only {word}: the scenarios are {names}, each with .{', .'.join(WORK)}")
    return out


def main():
    options, begun = arguments(), time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # unwinds, as INT does
    own_core, other_core = cores()
    store = results.store(f"{ROOT}/build/bench", BUILD, options.quick)
    try:
        network.enter()
    except network.unavailable as error:
        sys.exit(f"bench/run: {error}")
    with tempfile.TemporaryDirectory(prefix="omnilink-bench-") as folder:
        os.chmod(folder, 0o755)
        for scenario in SCENARIOS:
            if not any(wanted(options.only, scenario, work) for work in WORK):
                continue
            if why := scenario.impossible():
                say(f"{scenario.name}: skipped: {why}")
                store.put(scenario.name, {"skipped": why})
                continue
            out = measure(scenario, options, folder, own_core, other_core)
            store.put(scenario.name, {"machine": report.machine(own_core, other_core), **out})
    text = report.markdown(store.everything(), SCENARIOS, options.quick)
    print(text)
    store.write_report(text)
    say(f"{time.monotonic() - begun:.0f} s; also in build/bench/report.md and report.json")


if __name__ == "__main__":
    main()
