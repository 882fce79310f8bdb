"""Runs the tests of one Python file and reports each as a line of JSON on a descriptor.

    run_python.py FILE FD [--list] [NAME…]

Lines: {"event": "start" | "pass" | "fail" | "skip", "test": "class.method", "why": "…"}.
"""

import ctypes
import json
import os
import sys
import unittest

PR_SET_CHILD_SUBREAPER = 36


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def name_of(test):
    # "test_" is unittest's, not part of the name: test_C1_one_byte is C1_one_byte.
    parts = test.id().split(".")[-2:]
    return ".".join(part.removeprefix("test_") for part in parts)


class reporting_result(unittest.TestResult):
    """One report per test, at its end: failed when any of its subtests did."""

    def __init__(self, report):
        super().__init__()
        self.report = report
        self.outcome = None

    def startTest(self, test):
        super().startTest(test)
        self.outcome = ("pass", "")
        self.report("start", test)

    def stopTest(self, test):
        super().stopTest(test)
        self.report(self.outcome[0], test, self.outcome[1])
        self.outcome = None

    def conclude(self, test, how, why):
        if self.outcome is None:
            self.report(how, test, why)  # setUpModule or setUpClass
        elif self.outcome[0] == "fail":
            self.outcome = ("fail", self.outcome[1] + "\n" + why)
        else:
            self.outcome = (how, why)

    def addFailure(self, test, err):
        self.conclude(test, "fail", self._exc_info_to_string(err, test))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.conclude(test, "fail", f"{subtest}\n{self._exc_info_to_string(err, test)}")

    def addSkip(self, test, reason):
        self.conclude(test, "skip", reason)


def main():
    file, fd, *rest = sys.argv[1:]
    out = os.fdopen(int(fd), "w", buffering=1)

    def report(event, test, why=""):
        name = name_of(test) if isinstance(test, unittest.TestCase) else f"{test}"
        out.write(json.dumps({"event": event, "test": name, "why": why}) + "\n")

    # What a test leaves behind becomes our child, so that run.py can find it.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    sys.path[:0] = [os.path.dirname(os.path.abspath(file)), os.path.dirname(os.path.abspath(__file__))]
    module = os.path.basename(file).removesuffix(".py")
    suite = unittest.defaultTestLoader.loadTestsFromName(module)
    tests = list(tests_of(suite))
    if rest == ["--list"]:
        for test in tests:
            out.write(name_of(test) + "\n")
        return
    wanted = set(rest)
    unittest.TestSuite(t for t in tests if name_of(t) in wanted).run(reporting_result(report))


main()
