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

import certificates
import memory
import network
import peers
import processes
import publish
import report
import results
import syscalls
from candidates import floor, place
from processes import holding, process, run
from scenarios import SCENARIOS, WORK

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = f"{ROOT}/build/release"
LOAD = f"{BUILD}/bench/bench_load"
ROUNDS = 5
PEERS_EVERY = 4  # rounds
SECONDS, QUICK_SECONDS = 0.4, 0.05  # of load in a turn
TURN_SECONDS = 60  # a turn that takes longer hangs
WARM_UP = 200  # connections
TRACED = {"connections": (8, 500), "requests-64": (64, 10_000)}  # under strace: lanes, and how many
QUICK_TRACED = 5  # times less
RARE_ROUNDS = 3  # of work that takes long and varies little
QUICK_RARE = 20  # times fewer connections and flows
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


class bench:
    """What is there during one scenario: the target, the hops, and a folder for the candidates' files."""

    def __init__(self, scenario, folder, own_cores, other_cores):
        self.scenario, self.folder, self.own_cores, self.other_cores = scenario, folder, own_cores, other_cores

    @contextlib.contextmanager
    def surroundings(self):
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
            with syscalls.counting(one.running.pids(), os.path.join(self.folder, "strace")) as counts:
                one.put_load(words, "--count", str(count))
                one.running.wait_until_quiet()
        return {call: calls / count for call, calls in counts.items()}


class under_load:
    """A candidate that runs, and what is done to it."""

    def __init__(self, here, one, at, running):
        self.here, self.one, self.at, self.running = here, one, at, running
        self.way = here.scenario.way(one, here.target, at.port)

    def put_load(self, words, *amount):
        load = [LOAD, *words, *self.way, *amount, *(["--awake", "1"] if self.here.scenario.awake else [])]
        cores = self.here.other_cores
        return json.loads(self.running.run(load, cores) if self.one.in_front else run(load, cores, TURN_SECONDS)[0])

    def measure(self, words, seconds):
        before, others = self.running.cpu_seconds(), sum(p.cpu_seconds() for p in self.here.others)
        out = self.put_load(words, "--seconds", str(seconds))
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
    with bench(scenario, folder, own_cores, other_cores).surroundings() as here:
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
