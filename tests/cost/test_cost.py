"""How many instructions of ours the steps of a connection take: counted, so that no machine's noise is in it."""

import os
import re
import shutil
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COST_OF = f"{ROOT}/build/release/tests/cost_of"
FEW, MANY = 2_000, 4_000
SECONDS = 100
SLACK = 1.05  # another libc, another processor's memcpy

# Instructions of one. Whoever raises one says in the commit what it buys; who lowers the cost lowers it too.
CEILINGS = {
    "handshake": 4_051,   # SOCKS5, both roles, greeting to reply
    "classify": 564,      # 100 filters by network and port
    "flow": 1_697,        # insert, find, close, sweep
    "round_trip": 2_955,  # 64 bytes each way through a relay
}


def instructions(what, count):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", COST_OF, what, str(count)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


@unittest.skipUnless(shutil.which("valgrind"), "needs valgrind")
class instructions_of(unittest.TestCase):
    def check(self, what):
        one = (instructions(what, MANY) - instructions(what, FEW)) / (MANY - FEW)
        ceiling = CEILINGS[what]
        self.assertLess(one, ceiling * SLACK, f"the ceiling is {ceiling}")

    def test_a_handshake(self):
        self.check("handshake")

    def test_a_classify(self):
        self.check("classify")

    def test_a_flow(self):
        self.check("flow")

    def test_a_relayed_round_trip(self):
        self.check("round_trip")
