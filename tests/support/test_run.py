"""The runner itself: what crashes, hangs, leaks or ends without a word must count as failed."""

import contextlib
import io
import os
import stat
import tempfile
import unittest
from unittest import mock

import run

# Behaves like a GoogleTest program whose tests do what they are called.
FAKE_GTEST = """\
#!/usr/bin/env python3
import os, sys, time
tests = ["good", "bad", "crash", "after_crash", "hang", "skip"]
if "--gtest_list_tests" in sys.argv:
    print("s.  # TypeParam = x")
    for t in tests: print("  " + t)
    print("  DISABLED_x")
    sys.exit(0)
wanted = [a for a in sys.argv if a.startswith("--gtest_filter=")][0].split("=")[1].split(":")
code = 0
for t in tests:
    if "s." + t not in wanted: continue
    print("[ RUN      ] s." + t, flush=True)
    if t == "crash": os.abort()
    if t == "hang": time.sleep(1000)
    if t == "bad":
        print("expected 1", flush=True)
        print("[  FAILED  ] s.bad (0 ms)", flush=True); code = 1
    elif t == "skip": print("why not\\n[  SKIPPED ] s.skip (0 ms)", flush=True)
    else: print("no newline[       OK ] s." + t + " (0 ms)", flush=True)
sys.exit(code or EXIT)
"""

FAKE_UNITTEST = """\
import os, time, unittest
class c(unittest.TestCase):
    def test_good(self): pass
    def test_bad(self): self.assertEqual(1, 2)
    def test_exit(self): os._exit(0)
    def test_hang(self): time.sleep(1000)
    def test_skip(self): self.skipTest("why not")
    def test_subtests(self):
        for i in range(3):
            with self.subTest(i=i): self.assertEqual(i, 0)
"""


class runner(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.results = run.tally()
        seconds, run.TEST_SECONDS = run.TEST_SECONDS, 1
        self.addCleanup(setattr, run, "TEST_SECONDS", seconds)

    def program(self, text, name="program"):
        path = os.path.join(self.folder, name)
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, stat.S_IRWXU)
        return path

    def run_suite(self, suite, only=None):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            suite.run(only, self.results)
        return said.getvalue()

    def test_gtest_failures_crashes_and_hangs_are_counted(self):
        said = self.run_suite(run.gtest_suite("fake", self.program(FAKE_GTEST.replace("EXIT", "0")), os.environ))
        self.assertEqual(self.results.failed, ["fake.s.bad", "fake.s.crash", "fake.s.hang"])
        self.assertEqual(self.results.line(), "2 passed, 3 failed, 1 skipped")
        self.assertIn("| expected 1", said)
        self.assertIn("SIGABRT", said)

    def test_a_leak_report_after_the_last_test_is_a_failure(self):
        path = self.program(FAKE_GTEST.replace("EXIT", "23"))
        self.run_suite(run.gtest_suite("fake", path, os.environ), ["good"])
        self.assertEqual(self.results.line(), "1 passed, 1 failed")

    def test_only_selects(self):
        path = self.program(FAKE_GTEST.replace("EXIT", "0"))
        self.run_suite(run.gtest_suite("fake", path, os.environ), ["s.*cra"])
        self.assertEqual(self.results.failed, ["fake.s.crash"])
        self.assertEqual(self.results.passed, 1)

    def test_unittest_failures_exits_and_hangs_are_counted(self):
        self.run_suite(run.python_suite(self.program(FAKE_UNITTEST, "test_fake.py"), os.environ))
        failed = sorted(name.split(".")[-1] for name in self.results.failed)
        self.assertEqual(failed, ["bad", "exit", "hang", "subtests"])
        self.assertEqual(self.results.line(), "1 passed, 4 failed, 1 skipped")

    def test_a_file_that_cannot_be_loaded_is_a_failure(self):
        self.run_suite(run.python_suite(self.program("import no_such_module", "test_fake.py"), os.environ))
        self.assertEqual(self.results.line(), "0 passed, 1 failed")

    def test_a_set_up_that_fails_is_a_failure_and_one_that_skips_a_skip(self):
        for body, line in (("raise OSError()", "0 passed, 1 failed"),
                           ("raise unittest.SkipTest('no')", "0 passed, 0 failed, 1 skipped")):
            with self.subTest(body):
                self.results = run.tally()
                text = f"import unittest\ndef setUpModule(): {body}\nclass c(unittest.TestCase):\n  def test_x(self): pass\n"
                self.run_suite(run.python_suite(self.program(text, "test_fake.py"), os.environ))
                self.assertEqual(self.results.line(), line)

    def test_what_a_killed_program_leaves_in_its_temporary_folder_is_removed(self):
        note = os.path.join(self.folder, "note")
        text = ("import os, tempfile, unittest\nclass c(unittest.TestCase):\n"
                f"  def test_x(self): open({note!r}, 'w').write(tempfile.mkdtemp()); os.abort()\n")
        self.run_suite(run.python_suite(self.program(text, "test_fake.py"), os.environ))
        with open(note) as folder:
            self.assertFalse(os.path.exists(folder.read()))

    def test_the_next_presets_build_outlives_the_tests_before_it_and_gives_way_to_them(self):
        gate = os.path.join(self.folder, "gate")
        os.mkfifo(gate)
        with mock.patch("build.command", lambda preset, targets: ["bash", "-c", f"read line <{gate}; echo no $0; exit 1", *targets]):
            ahead = run.build.build_behind("asan", ["such target"])
        self.addCleanup(ahead.end)
        run.building.add(ahead.pid)
        self.addCleanup(run.building.clear)
        self.run_suite(run.python_suite(self.program(FAKE_UNITTEST, "test_fake.py"), os.environ), ["test_good"])
        self.assertEqual(os.sched_getscheduler(ahead.pid), os.SCHED_IDLE)
        with open(gate, "w") as out:
            out.write("go on\n")
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            self.assertFalse(ahead.succeeded())
        self.assertIn("no such target", said.getvalue())

    def test_an_empty_corpus_is_a_failure(self):
        with contextlib.redirect_stdout(io.StringIO()):
            run.replay("replay.x", "/bin/true", self.folder, os.environ, self.results)
        self.assertEqual(self.results.failed, ["replay.x"])
