"""bench/run at its smallest: every candidate starts, carries its load and is counted, and nothing stays behind."""

import json
import os
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECONDS = 110

# What a SOCKS5 connection costs in system calls: opened, 64 bytes each way, closed. A call more is a call too many; recvfrom may find
# nothing once where the client is slow.
CALLS = {"recvfrom": 6.9, "sendto": 4.1, "close": 2.1, "epoll_ctl": 2.1, "setsockopt": 2.1, "accept4": 2.1, "socket": 1.1, "connect": 1.1,
         "getsockopt": 1.1, "shutdown": 1.1}
# They come by the turn, not by the connection.
OF_TURNS = {"epoll_wait", "futex", "write", "poll", "clock_nanosleep", "restart_syscall", "timerfd_settime", "mprotect", "read", "brk",
            "madvise", "openat", "fstat", "newfstatat", "lseek", "munmap", "mmap", "sysinfo", "sched_yield"}


def bench(*words):
    return subprocess.run([f"{ROOT}/bench/run", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)


class bench_run(unittest.TestCase):
    def test_every_candidate_is_measured(self):
        done = bench("--quick", "--only", "s1.connections", "--only", "s1.down", "--only", "s3.connections", "--only", "ways.connections")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(f"{ROOT}/build/bench/report.json") as text:
            results = json.load(text)
        if "needs root" in results["skipped"].get("s3", "") and os.getuid() != 0:
            results["skipped"].clear()
            results["turns"] = [t for t in results["turns"] if t["scenario"] == "s1"]
        else:
            # And of its eBPF listener, where the kernel allows it.
            self.assertEqual({t["candidate"] for t in results["turns"] if t["scenario"] == "s3"} - {"omnilink, cgroup"},
                             {"floor", "omnilink", "redsocks"}, done.stderr)
            self.assertGreaterEqual({t["candidate"] for t in results["turns"] if t["scenario"] == "ways"}, {"nobody", "redirect", "tproxy"})
        self.assertEqual(results["skipped"], {})
        self.assertEqual({t["candidate"] for t in results["turns"] if t["scenario"] == "s1"},
                         {"floor", "omnilink", "microsocks"}, done.stderr)
        for turn in results["turns"]:
            self.assertGreater(turn["cpu_seconds"] + turn["load_cpu_seconds"], 0, turn)
            self.assertGreater(turn["count"], 0, turn)
        for scenario, calls in results["syscalls"].items():
            for candidate, counts in calls.items():
                # Each of the two legs has one: what is counted are whole connections, and all of them.
                self.assertAlmostEqual(counts.get("connect", 0), 1, delta=0.1, msg=(scenario, candidate, counts))
        for call, count in results["syscalls"]["s1"]["omnilink"].items():
            if call not in OF_TURNS:
                self.assertLess(count, CALLS.get(call, 0.1), f"{call} per connection")
        self.assertIn("| omnilink |", done.stdout)

    def test_an_unknown_scenario_gets_the_known_ones(self):
        done = bench("--only", "s9")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("the scenarios are s1, s3, ways", done.stderr)
