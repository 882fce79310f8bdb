"""Measures omnilink beside a floor of our own and its peers; bench/run is its front.

A turn is: start a candidate on a core of its own, warm it up, let the load tool on the other core do one kind of work, and
take the CPU time of the candidate's whole process tree. Turns are interleaved, A B C then C B A, so that what the machine
does beside us meets all of them; the ratios are taken within a round. Where no hop needs their core, the load tool and its
target stay awake, so that no candidate pays for waking them: who is a little slower than its load pays most, and real clients
sleep elsewhere.
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
import report
import syscalls
from candidates import SCENARIOS, place, program
from processes import cores, process, run

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = f"{ROOT}/build/release"
LOAD = f"{BUILD}/bench/bench_load"
RESULTS = f"{ROOT}/build/bench"
ROUNDS = 5
TURN_SECONDS = 120  # a turn that takes longer hangs
WARM_UP = 200  # connections
TRACED = 500  # connections under strace
QUICK = 50  # times less work
LOG_SHOWN = 2000  # characters of a candidate's log, when its turn fails

# What the load tool does: its words, and how much of it: of the kind that its result counts.
WORK = {
    "connections": (["connections", "--lanes", "64"], "--count", 20_000),
    "set-up": (["connections", "--lanes", "1"], "--count", 3_000),
    "requests-64": (["requests", "--lanes", "64"], "--count", 200_000),
    "requests-1": (["requests", "--lanes", "1"], "--count", 20_000),
    "up": (["up"], "--bytes", 8_000_000_000),
    "down": (["down"], "--bytes", 8_000_000_000),
}
# Candidates that need ten times the CPU per byte get a tenth of the bytes.
SLOW_BULK = {"microsocks": 10}


class bench:
    """What is there during one scenario: the target, the hop, and a folder for the candidates' files."""

    def __init__(self, scenario, folder, own_core, other_core):
        self.scenario, self.folder, self.own_core, self.other_core = scenario, folder, own_core, other_core

    @contextlib.contextmanager
    def surroundings(self):
        self.target, self.hop, self.others = network.free_port(), 0, []
        with contextlib.ExitStack() as running:
            awake = ["awake"] if self.scenario.awake else []
            self.others.append(running.enter_context(self.beside([LOAD, "target", f"0.0.0.0:{self.target}", *awake], self.target)))
            if self.scenario.hop:
                self.hop = network.free_port()
                command = [program("microsocks"), "-i", "127.0.0.1", "-p", str(self.hop)]
                self.others.append(running.enter_context(self.beside(command, self.hop)))
            yield self

    @contextlib.contextmanager
    def beside(self, command, port):
        with process(command, self.other_core, os.devnull) as running:
            network.wait_until_listens(port, running.alive)
            yield running

    @contextlib.contextmanager
    def candidate(self, name):
        """Started and warm; yields (its process, what puts load on it)."""
        folder = tempfile.mkdtemp(dir=self.folder)
        at = place(BUILD, self.own_core, folder, self.hop)
        way = self.scenario.way(self.target, at.port)

        def put_load(words, amount):
            awake = ["--awake", "1"] if self.scenario.awake else []
            return json.loads(run([LOAD, *words, *way, *amount, *awake], self.other_core, TURN_SECONDS))

        try:
            with self.scenario.candidates[name](at) as running:
                put_load(["connections", "--lanes", "8"], ["--count", str(WARM_UP)])
                running.wait_until_quiet()
                yield running, put_load
        except Exception:
            with contextlib.suppress(OSError), open(os.path.join(folder, "log"), errors="replace") as log:
                say(log.read()[-LOG_SHOWN:])
            raise
        finally:
            shutil.rmtree(folder)

    def turn(self, name, work, divisor):
        words, unit, amount = WORK[work]
        amount //= divisor * (SLOW_BULK.get(name, 1) if unit == "--bytes" else 1)
        with self.candidate(name) as (running, put_load):
            before, others = running.cpu_seconds(), sum(p.cpu_seconds() for p in self.others)
            out = put_load(words, [unit, str(amount)])
            running.wait_until_quiet()
            out["load_cpu_seconds"] = out.pop("cpu_seconds") + sum(p.cpu_seconds() for p in self.others) - others
            out["cpu_seconds"] = running.cpu_seconds() - before
        return out

    def count_syscalls(self, name, divisor):
        count = TRACED // divisor
        with self.candidate(name) as (running, put_load):
            with syscalls.counting(running.pids(), os.path.join(self.folder, "strace")) as counts:
                put_load(["connections", "--lanes", "8"], ["--count", str(count)])
                running.wait_until_quiet()
        return {call: calls / count for call, calls in counts.items()}


def say(text):
    print(text, file=sys.stderr, flush=True)


def wanted(only, scenario, work):
    return scenario.measures(work) and (not only or scenario.name in only or f"{scenario.name}.{work}" in only)


def measure(scenario, options, folder, own_core, other_core):
    """A line per turn, and the system calls per connection of each candidate."""
    divisor = QUICK if options.quick else 1
    works = [work for work in WORK if wanted(options.only, scenario, work)]
    turns, calls = [], {}
    with bench(scenario, folder, own_core, other_core).surroundings() as here:
        for number in range(options.rounds):
            say(f"{scenario.name}: round {number + 1} of {options.rounds}")
            for work in works:
                order = list(scenario.candidates)
                for name in order if number % 2 == 0 else reversed(order):
                    one = here.turn(name, work, divisor)
                    turns.append({"scenario": scenario.name, "candidate": name, "work": work, "round": number, **one})
        if "connections" in works and scenario.floor == "floor":
            for name in scenario.candidates:
                with contextlib.suppress(network.unavailable):
                    calls[name] = here.count_syscalls(name, 5 if options.quick else 1)
    return turns, calls


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run", description="Measures omnilink beside a floor and its peers.")
    parser.add_argument("--quick", action="store_true", help=f"one round, 1/{QUICK} of the work: a glance, not a result")
    parser.add_argument("--only", action="append", metavar="SCENARIO", help="s1, s3, ways, or one measurement: s1.connections")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"default {ROUNDS}")
    out = parser.parse_args()
    out.rounds = out.rounds or (1 if out.quick else ROUNDS)
    if out.rounds < 1:
        parser.error("--rounds: at least 1")
    for word in out.only or []:
        if not any(wanted([word], s, work) for s in SCENARIOS for work in WORK):
            names = ", ".join(s.name for s in SCENARIOS)
            parser.error(f"--only {word}: the scenarios are {names}, each with .{', .'.join(WORK)}")
    return out


def main():
    options, begun = arguments(), time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends what runs, as an error does
    own_core, other_core = cores()
    results = {"skipped": {}, "turns": [], "syscalls": {}, "machine": report.machine(own_core, other_core),
               "rounds": options.rounds, "quick": options.quick}
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
                results["skipped"][scenario.name] = why
                continue
            turns, calls = measure(scenario, options, folder, own_core, other_core)
            results["turns"] += turns
            results["syscalls"][scenario.name] = calls
    text = report.markdown(results, SCENARIOS)
    print(text)
    os.makedirs(RESULTS, exist_ok=True)
    network.write(f"{RESULTS}/report.md", text)
    network.write(f"{RESULTS}/report.json", json.dumps(results, indent=1))
    say(f"{time.monotonic() - begun:.0f} s; also in build/bench/report.md and report.json")


if __name__ == "__main__":
    main()
