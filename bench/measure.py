"""Measures omnilink beside a floor of our own and its peers; bench/run is its front.

Turns (turns.py) are interleaved, A B C then C B A, so that what the machine does beside us meets all of them; the ratios are taken
within a round.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time

import certificates
import network
import processes
import publish
import report
import results
from scenarios import SCENARIOS, WORK
from turns import BUILD, connections_for, say, surroundings

ROOT = os.path.dirname(os.path.dirname(BUILD))
ROUNDS = 5
PEERS_EVERY = 4  # rounds
SECONDS, QUICK_SECONDS = 0.4, 0.05  # of load in a turn
TRACED = {"connections": (8, 500), "requests-64": (32, 8_000)}  # under strace: lanes, and how many
QUICK_TRACED = 5  # times less
RARE_ROUNDS = 3  # of work that takes long and varies little
QUICK_RARE = 20  # times fewer connections and flows


def wanted(only, scenario, work):
    return work in scenario.works and (not only or scenario.name in only or f"{scenario.name}.{work}" in only)


class campaign:
    """One scenario's turns. Who is missing or fails is left out from then on; only omnilink and the floor may not."""

    def __init__(self, here, options, works):
        self.here, self.options, self.works = here, options, works
        self.scenario = here.scenario
        self.seconds = QUICK_SECONDS if options.quick else options.seconds
        self.out = {"turns": [], "syscalls": {}, "left_out": {}}
        self.divisor = QUICK_RARE if options.quick else 1

    def attempt(self, name, label, what, *words):
        if label in self.out["left_out"]:
            return None
        try:
            return what(name, *words)
        except network.unavailable as error:
            self.out["left_out"][label] = str(error)
        except Exception as error:
            if name in (self.scenario.floor, "omnilink"):
                raise
            self.out["left_out"][label] = str(error).splitlines()[0] if str(error) else type(error).__name__
        say(f"{self.scenario.name}: without {label}: {self.out['left_out'][label]}")
        return None

    def run(self):
        begun = time.monotonic()
        for number in range(self.options.rounds):
            self.round(number)
            left = (time.monotonic() - begun) / (number + 1) * (self.options.rounds - number - 1)
            say(f"{self.scenario.name}: round {number + 1} of {self.options.rounds} done, {time.monotonic() - begun:.0f} s"
                + (f"; about {left:.0f} s more" if left else ""))
        if self.scenario.floor == "floor":
            self.count_syscalls()
        return self.out

    def round(self, number):
        names = [name for name, one in self.scenario.candidates.items() if one.always or number % self.options.peers_every == 0]
        for work in self.works:
            if WORK[work].is_rare and (number >= RARE_ROUNDS or not self.is_possible(work)):
                continue
            for name in names if number % 2 == 0 else reversed(names):
                if self.scenario.takes_part(name, work):
                    self.turn(name, work, number)

    def is_possible(self, work):
        try:
            connections_for(max(WORK[work].idle, WORK[work].beside) // self.divisor)
        except network.unavailable as error:
            self.out["left_out"][work] = str(error)
        return work not in self.out["left_out"]

    def turn(self, name, work, number):
        what = WORK[work]
        label = f"{name}, {work}" if what.is_rare else name
        if one := self.attempt(name, label, self.here.turn, what, self.seconds, self.divisor):
            self.out["turns"].append({"candidate": name, "work": work, "round": number, **one})

    def count_syscalls(self):
        divisor = QUICK_TRACED if self.options.quick else 1
        for work, (lanes, count) in TRACED.items():
            if work in self.works:
                counts = self.out["syscalls"][work] = {}
                for name, one in self.scenario.candidates.items():
                    if name not in self.out["left_out"] and one.has_cpu and not one.in_front:
                        with contextlib.suppress(network.unavailable):
                            counts[name] = self.here.count_syscalls(name, [WORK[work].words[0], "--lanes", str(lanes)], count // divisor)


def measure(scenario, options, folder, own_cores, other_cores):
    works = [work for work in WORK if wanted(options.only, scenario, work)]
    with surroundings(scenario, folder, own_cores, other_cores).set_up() as here:
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
    parser.add_argument("--peers-every", type=int, default=PEERS_EVERY, metavar="N",
                        help=f"peers take part in every Nth round; default {PEERS_EVERY}")
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help=f"of load in a turn; default {SECONDS}")
    parser.add_argument("--publish", action="store_true", help="measure nothing: write README's part about performance, docs/performance.svg and "
                        "docs/performance.md from what was measured of this build")
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
    own_cores, other_cores = processes.own_cores()
    processes.most_descriptors()
    store = results.store(f"{ROOT}/build/bench", BUILD, options.quick)
    if options.publish:
        if not store.everything():
            sys.exit("bench/run: nothing was measured of this build: run it without --publish first")
        return publish.publish(ROOT, store.everything())
    try:
        network.enter()
    except network.unavailable as error:
        sys.exit(f"bench/run: {error}")
    with tempfile.TemporaryDirectory(prefix="omnilink-bench-") as folder:
        os.chmod(folder, 0o755)
        certificates.make(folder)
        for scenario in SCENARIOS:
            if not any(wanted(options.only, scenario, work) for work in WORK):
                continue
            if why := scenario.impossible():
                say(f"{scenario.name}: skipped: {why}")
                store.put(scenario.name, {"skipped": why})
                continue
            out = measure(scenario, options, folder, own_cores, other_cores)
            store.put(scenario.name, {"machine": report.machine(own_cores, other_cores), **out})
    text = report.markdown(store.everything(), SCENARIOS, options.quick)
    print(text)
    store.write_report(text)
    say(f"{time.monotonic() - begun:.0f} s; also in build/bench/report.md and report.json")


if __name__ == "__main__":
    main()
