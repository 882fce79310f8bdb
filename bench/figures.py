"""What the turns come to: medians, and intervals that presume nothing about how the noise is distributed."""

import math
import statistics

CONFIDENCE = 0.95


def interval(values):
    """Of the median, by order statistics; with fewer than six values all of them are in it, and it is less sure."""
    ordered = sorted(values)
    count, left_out, chance = len(ordered), 0, 0.0
    while True:
        # The median is below the k-th smallest when at most k - 1 of the values are below it.
        chance += 2 * math.comb(count, left_out) / 2 ** count
        if chance > 1 - CONFIDENCE or 2 * (left_out + 1) >= count:
            break
        left_out += 1
    return ordered[max(left_out - 1, 0)], ordered[count - 1 - max(left_out - 1, 0)]


class figure:
    """A median with its interval, of at least one value."""

    def __init__(self, values):
        self.middle = statistics.median(values)
        self.low, self.high = interval(values)
        self.count = len(values)

    def text(self, form):
        out = form.format(self.middle)
        return out + (f" [{form.format(self.low)}–{form.format(self.high)}]" if self.count > 1 else "")


class column:
    """Its head, the work it is of, what one turn gives, its format; `compared`: to the floor; `is_cpu`: CPU time of the candidate."""

    def __init__(self, head, work, take, form, compared=False, is_cpu=False):
        self.head, self.work, self.take, self.form, self.compared, self.is_cpu = head, work, take, form, compared, is_cpu


def cpu_time(head, work, scale, form):
    return column(head, work, lambda t: t["cpu_seconds"] / t["count"] * scale, form, compared=True, is_cpu=True)


CPU_CONNECTION = cpu_time("CPU µs/connection", "connections", 1e6, "{:.1f}")
CPU_REQUEST = cpu_time("CPU µs/request, 64 connections", "requests-64", 1e6, "{:.2f}")
CPU_UP = cpu_time("CPU s/GB up", "up", 1e9, "{:.3f}")
CPU_DOWN = cpu_time("CPU s/GB down", "down", 1e9, "{:.3f}")
CPU_16 = cpu_time("CPU s/GB up, 16 connections", "up-16", 1e9, "{:.3f}")
SET_UP = column("set-up p50 µs", "set-up", lambda t: t["p50_us"], "{:.0f}", True)
# A table each.
COLUMNS = [
    [CPU_CONNECTION,
     column("connections/s", "connections", lambda t: t["count"] / t["seconds"], "{:.0f}"),
     SET_UP,
     column("p99", "set-up", lambda t: t["p99_us"], "{:.0f}"),
     column("p99.9", "set-up", lambda t: t["p999_us"], "{:.0f}")],
    [CPU_REQUEST,
     column("p99 µs", "requests-64", lambda t: t["p99_us"], "{:.0f}"),
     cpu_time("CPU µs/request, 1 connection", "requests-1", 1e6, "{:.1f}"),
     column("p99 µs", "requests-1", lambda t: t["p99_us"], "{:.0f}")],
    [CPU_UP, CPU_DOWN, CPU_16,
     column("GB/s up", "up", lambda t: t["count"] / t["seconds"] / 1e9, "{:.2f}"),
     column("GB/s down", "down", lambda t: t["count"] / t["seconds"] / 1e9, "{:.2f}"),
     column("GB/s up, 16 connections", "up-16", lambda t: t["count"] / t["seconds"] / 1e9, "{:.2f}")],
]
# Where the work of being intercepted is done partly in the client: both together, and the target's, which is the same for all.
WHOLE = column("CPU µs/connection, all together", "connections",
               lambda t: (t["cpu_seconds"] + t["load_cpu_seconds"]) / t["count"] * 1e6, "{:.1f}", True)


def of(turns, candidate, work):
    return [t for t in turns if (t["candidate"], t["work"]) == (candidate, work)]


def by_round(turns, candidate, what):
    return {t["round"]: what.take(t) for t in of(turns, candidate, what.work)}


def ratios(turns, candidate, other, what):
    """Per round in which both took part."""
    theirs = by_round(turns, other, what)
    return [value / theirs[r] for r, value in by_round(turns, candidate, what).items() if theirs.get(r)]
