"""Builds and runs every test, one preset after the other; tests/run is its front.

A test is: a case of a GoogleTest program, a method of a unittest class in tests/*/test_*.py, or the replay of one
corpus. Its name is suite.class.case; --only is matched against that. Whatever crashes, hangs or ends without a word
counts as failed, and its output is shown.
"""

import argparse
import ctypes
import fnmatch
import glob
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import build

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEST_SECONDS = 120  # a test that takes longer hangs
SLOWEST_SHOWN = 5
SLOW_SECONDS = 1  # what takes longer is told
OUTPUT_MAX = 64 * 1024  # of a failed test; its end is what explains it
FUZZ_SECONDS = 30  # per target, with --preset fuzz

# A sanitizer's report ends the program, so that it cannot be overlooked.
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": f"halt_on_error=1:second_deadlock_stack=1:suppressions={ROOT}/tests/support/tsan.supp",
}


def matches(name, patterns):
    return not patterns or any(p in name or fnmatch.fnmatch(name, p) or fnmatch.fnmatch(name, f"*{p}*")
                               for p in patterns)


class tally:
    """What happened, in the order it happened."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], {}
        self.seconds = {}

    def passes(self, name, seconds):
        self.passed += 1
        self.seconds[name] = seconds
        print(f"  ok    {name}" + (f"  {seconds:.1f} s" if seconds >= SLOW_SECONDS else ""), flush=True)

    def fails(self, name, why, output=""):
        self.failed.append(name)
        print(f"  FAIL  {name}: {why.strip()}", flush=True)
        if output.strip():
            print("\n".join("    | " + line for line in output[-OUTPUT_MAX:].rstrip().splitlines()), flush=True)

    def skips(self, name, why):
        self.skipped.setdefault(why, []).append(name)
        print(f"  skip  {name}: {why}", flush=True)

    def line(self):
        skipped = sum(len(names) for names in self.skipped.values())
        return f"{self.passed} passed, {len(self.failed)} failed" + (f", {skipped} skipped" if skipped else "")


class program:
    """A running test program: its output and its events, line by line, and the end of it and all it started."""

    def __init__(self, command, env, events_fd=False):
        self.read_end = None
        pass_fds = ()
        # Whatever it leaves there, even when it is killed, goes with it. Open to all: tests run as other users too.
        self.scratch = tempfile.mkdtemp(prefix="omnilink-tests-")
        os.chmod(self.scratch, 0o1777)
        env = dict(env, TMPDIR=self.scratch)
        if events_fd:
            self.read_end, write_end = os.pipe()
            command = [a.format(fd=write_end) for a in command]
            pass_fds = (write_end,)
        self.process = subprocess.Popen(command, env=env, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, pass_fds=pass_fds, start_new_session=True)
        if events_fd:
            os.close(write_end)

    def lines(self, deadline_of):
        """Yields (is_event, line); ends with the program, or when deadline_of() has passed: then `hung` is true."""
        self.hung = False
        selector = selectors.DefaultSelector()
        output = self.process.stdout.fileno()
        pending = {output: b""}
        if self.read_end is not None:
            pending[self.read_end] = b""
        for fd in pending:
            selector.register(fd, selectors.EVENT_READ)
        # A server that outlives the tests may hold the output open; the events' end, or the program's, is the end.
        while pending and self.process.poll() is None or pending and selector.select(0):
            wait = deadline_of() - time.monotonic()
            if wait <= 0:
                self.hung = True
                break
            for key, _ in selector.select(min(wait, 0.2)):
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fd)
                    rest = pending.pop(key.fd)
                    if rest:
                        yield key.fd != output, rest.decode(errors="replace")
                    continue
                *whole, pending[key.fd] = (pending[key.fd] + chunk).split(b"\n")
                for line in whole:
                    yield key.fd != output, line.decode(errors="replace")
        self.end()

    def end(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.code = self.process.wait()
        end_orphans()
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.process.stdout.close()
        if self.read_end is not None:
            os.close(self.read_end)


PR_SET_CHILD_SUBREAPER = 36

building = set()  # our one child that is nobody's orphan: the next preset's build


def end_orphans():
    """Ends what a test program left behind in sessions of its own: as our children, see main()."""
    while True:
        with open(f"/proc/self/task/{os.getpid()}/children") as children:
            left = set(map(int, children.read().split())) - building
        if not left:
            return
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def ending(code):
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


class suite:
    """Runs a program's tests; when it dies in one of them, the rest is run by a new one."""

    def __init__(self, name, env):
        self.name, self.env = name, env

    def run(self, only, results):
        names = self.names()
        if names is None:
            results.fails(self.name, "its tests could not be listed", self.listing)
            return
        left = [n for n in names if matches(f"{self.name}.{n}", only)]
        while left:
            done = self.run_some(left, results)
            if not done & set(left):
                return  # nothing that was asked for can be run; why has been said
            left = [n for n in left if n not in done]

    def run_some(self, names, results):
        run, self.current, self.done, self.output = self.start(names), None, set(), []
        self.deadline = time.monotonic() + TEST_SECONDS
        for is_event, line in run.lines(lambda: self.deadline):
            self.take(is_event, line, results)
        if self.current is not None:
            why = f"no end within {TEST_SECONDS} s" if run.hung else f"the program ended in it: {ending(run.code)}"
            self.finish("fail", self.current, why, results)
        elif run.hung or not self.done or (run.code != 0 and not self.failed_any):
            results.fails(self.name, f"{'hung' if run.hung else ending(run.code)} outside of any test",
                          "\n".join(self.output))
            self.done |= set(names)
        return self.done

    failed_any = False

    def begin(self, test):
        self.current, self.output = test, []
        self.begun = time.monotonic()
        self.deadline = self.begun + TEST_SECONDS

    def finish(self, how, test, why, results):
        name = f"{self.name}.{test}"
        if how == "fail":
            self.failed_any = True
            results.fails(name, why, "\n".join(self.output))
        elif how == "skip":
            results.skips(name, why)
        else:
            results.passes(name, time.monotonic() - self.begun)
        self.done.add(test)
        self.current, self.output = None, []


class gtest_suite(suite):
    def __init__(self, name, path, env):
        super().__init__(name, env)
        self.path = path

    def names(self):
        ran = subprocess.run([self.path, "--gtest_list_tests"], env=self.env, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, timeout=TEST_SECONDS)
        self.listing = ran.stdout
        if ran.returncode != 0:
            return None
        names, prefix = [], ""
        for line in ran.stdout.splitlines():
            word = line.split("#")[0].rstrip()
            if word.startswith("  "):
                names.append(prefix + word.strip())
            elif word.endswith("."):
                prefix = word
        return [n for n in names if "DISABLED_" not in n]

    def start(self, names):
        return program([self.path, "--gtest_color=no", "--gtest_filter=" + ":".join(names)], self.env)

    def take(self, _, line, results):
        found = re.search(r"\[( RUN      |       OK |  FAILED  |  SKIPPED )\] (\S+?)(?:,|$| \()", line)
        if not found or found[1] != " RUN      " and found[2] != self.current:
            self.output.append(line)
        elif found[1] == " RUN      ":
            self.begin(found[2])
        elif found[1] == "  SKIPPED ":
            self.finish("skip", found[2], " ".join(self.output[-1:]) or "no reason given", results)
        else:
            self.finish("pass" if found[1].strip() == "OK" else "fail", found[2], "see below", results)


class python_suite(suite):
    def __init__(self, path, env):
        folder, file = path.split(os.sep)[-2:]
        super().__init__(folder + "." + file.removeprefix("test_").removesuffix(".py"), env)
        self.command = [sys.executable, os.path.join(ROOT, "tests/support/run_python.py"), path, "{fd}"]

    def names(self):
        run = program(self.command + ["--list"], self.env, events_fd=True)
        deadline = time.monotonic() + TEST_SECONDS
        lines = list(run.lines(lambda: deadline))
        self.listing = "\n".join(line for is_event, line in lines if not is_event)
        return [line for is_event, line in lines if is_event] if run.code == 0 else None

    def start(self, names):
        return program(self.command + names, self.env, events_fd=True)

    def take(self, is_event, line, results):
        if not is_event:
            self.output.append(line)
            return
        event = json.loads(line)
        test = event["test"]
        if event["event"] == "start":
            self.begin(test)
        elif test != self.current:
            # setUpModule or setUpClass: none of its tests ran.
            self.finish(event["event"], test.split(" ")[0], event["why"], results)
        else:
            self.finish(event["event"], test, event["why"], results)


def replay(name, path, corpus, env, results):
    """The whole corpus is one test; the last input it names is the one that crashed it."""
    if not glob.glob(corpus + "/*"):
        results.fails(name, f"no inputs in {os.path.relpath(corpus, ROOT)}")
        return
    run_whole(name, [path, corpus], env, TEST_SECONDS, results)


def run_whole(name, command, env, seconds, results):
    begun = time.monotonic()
    run, deadline = program(command, env), begun + seconds
    output = [line for _, line in run.lines(lambda: deadline)]
    if run.hung:
        results.fails(name, f"no end within {seconds} s", "\n".join(output))
    elif run.code != 0:
        results.fails(name, ending(run.code), "\n".join(output))
    else:
        results.passes(name, time.monotonic() - begun)


def listed_programs(folder):
    with open(folder + "/tests/list.txt") as lines:
        for line in lines:
            kind, name, path, inputs, mark = line.rstrip("\n").split("|")
            yield kind, name, path, inputs, mark == "CONCURRENT"


def python_files(preset):
    """Those that name this preset in their PRESETS line; without one they belong to release."""
    for path in sorted(glob.glob(ROOT + "/tests/*/test_*.py")):
        with open(path) as text:
            found = re.search(r"^PRESETS = (.*)$", text.read(), re.M)
        if preset in (re.findall(r'"(\w+)"', found[1]) if found else ["release"]):
            yield path


def targets(preset):
    tests = "omnilink_concurrent_tests" if preset == "tsan" else "omnilink_tests"
    program = ["omnilink"] if any(python_files(preset)) else []
    bench = ["bench/all"] if preset == "release" else []  # what its test runs; it has no time to build it
    return [tests, *program, *bench]


def run_preset(preset, only, results):
    folder = f"{ROOT}/build/{preset}"
    env = dict(os.environ, OMNILINK=folder + "/omnilink", OMNILINK_BUILD=folder, OMNILINK_PRESET=preset,
               **SANITIZER_OPTIONS)
    for kind, name, path, inputs, concurrent in listed_programs(folder):
        if kind == "gtest" and (concurrent or preset not in ("tsan", "fuzz")):
            gtest_suite(name, path, env).run(only, results)
        elif kind == "replay" and preset == "asan" and matches(f"replay.{name}", only):
            replay(f"replay.{name}", path, inputs, env, results)
        elif kind == "fuzz" and matches(f"fuzz.{name}", only):
            # What it finds goes to the build folder; a finding becomes a seed by hand.
            scratch = f"{folder}/corpus/{name}"
            os.makedirs(scratch, exist_ok=True)
            command = [path, f"-max_total_time={FUZZ_SECONDS}", f"-artifact_prefix={scratch}/", scratch, inputs]
            run_whole(f"fuzz.{name}", command, env, FUZZ_SECONDS + TEST_SECONDS, results)
    for path in python_files(preset):
        python_suite(path, env).run(only, results)


def run_presets(presets, only, in_turn, results):
    ahead = None
    for preset, following in zip(presets, presets[1:] + [None]):
        print(f"== {preset}", flush=True)
        begun = time.monotonic()
        built = ahead.succeeded() if ahead else build.build(preset, targets(preset))
        print(f"== {preset}: built after {time.monotonic() - begun:.0f} s", flush=True)
        building.clear()
        ahead = build.build_behind(following, targets(following)) if following and not in_turn else None
        if ahead:
            building.add(ahead.pid)
        try:
            if built:
                run_preset(preset, only, results)
            else:
                results.fails(f"build.{preset}", "the build failed")
        except BaseException:
            if ahead:
                ahead.end()
            raise
        print(f"== {preset}: {time.monotonic() - begun:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="tests/run", description="Builds omnilink and runs its tests.")
    parser.add_argument("--only", action="append", metavar="PATTERN", help="tests whose name contains this")
    parser.add_argument("--preset", action="append", choices=["release", "asan", "tsan", "fuzz"])
    parser.add_argument("--in-turn", action="store_true", help="the next preset is not built while tests run")
    options = parser.parse_args()
    # Orphans of the tests become our children, so that none is left behind.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    results, started = tally(), time.monotonic()
    run_presets(options.preset or ["release", "asan", "tsan"], options.only, options.in_turn, results)
    slowest = sorted(results.seconds, key=results.seconds.get)[-SLOWEST_SHOWN:]
    if len(results.seconds) > len(slowest):
        print("the slowest: " + ", ".join(f"{name} {results.seconds[name]:.1f} s" for name in reversed(slowest)))
    for name in results.failed:
        print(f"failed: {name}")
    print(f"{time.monotonic() - started:.0f} s")
    print(results.line(), flush=True)
    return 1 if results.failed or not results.passed else 0


if __name__ == "__main__":
    sys.exit(main())
