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

# Who may not be missing where it is not floor and omnilink.
OURS = {"workers": {"one worker", "two workers"}, "ways": {"nobody", "redirect", "tproxy"}}


def bench(*words):
    return subprocess.run([f"{ROOT}/bench/run", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)


class bench_run(unittest.TestCase):
    def test_every_candidate_is_measured(self):
        scenarios = ("socks5", "http", "pass", "redirect", "tproxy", "chain", "tls", "tls-full", "workers", "ways")
        work = [f"{scenario}.connections" for scenario in scenarios] + ["socks5.down", "pass.idle-10000", "redirect.remembering"]
        done = bench("--quick", *(word for one in work for word in ("--only", one)))
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(f"{ROOT}/build/bench/report.json") as text:
            results = json.load(text)
        for name, got in results.items():
            if "needs root" in got.get("skipped", "") and os.getuid() != 0:
                continue
            self.assertNotIn("skipped", got, name)
            for peer, why in got["left_out"].items():
                # The eBPF listener's, where the kernel does not allow it.
                self.assertIn("hook", peer, why)
            here = [t for t in got["turns"] if t["work"] == "connections"]
            self.assertGreaterEqual({t["candidate"] for t in here}, OURS.get(name, {"floor", "omnilink"}), name)
            for turn in here:
                self.assertGreater(turn["cpu_seconds"] + turn["load_cpu_seconds"], 0, turn)
                self.assertGreater(turn["count"], 0, turn)
            for candidate, counts in got["syscalls"].get("connections", {}).items():
                # Each of the two legs has one: what is counted are whole connections, and all of them.
                self.assertAlmostEqual(counts.get("connect", 0), 1, delta=0.1, msg=(name, candidate, counts))
        self.assertEqual(set(results), set(scenarios))
        for turn in results["pass"]["turns"]:
            if turn["work"] == "idle-10000" and turn["candidate"] in ("floor", "omnilink"):
                self.assertAlmostEqual(turn["descriptors"], 2, delta=0.1, msg=turn)
                self.assertEqual(turn["threads"], 0, turn)
        self.assertEqual({t["candidate"] for t in results["socks5"]["turns"] if t["work"] == "down"},
                         {"floor", "omnilink", "microsocks", "dante", "v2ray", "no proxy"}, done.stderr)
        for call, count in results["socks5"]["syscalls"]["connections"]["omnilink"].items():
            if call not in OF_TURNS:
                self.assertLess(count, CALLS.get(call, 0.1), f"{call} per connection")
        self.assertIn("| omnilink |", done.stdout)

    def test_an_unknown_scenario_gets_the_known_ones(self):
        done = bench("--only", "s9")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("the scenarios are socks5, http, pass", done.stderr)
