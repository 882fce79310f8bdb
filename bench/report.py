"""What the turns come to: medians, half ranges, and the medians of the per-round ratios to the floor."""

import os
import platform
import statistics

# A column: its head, the work it is of, what one turn gives, its format, whether the ratio to the floor is of interest.
COLUMNS = [
    ("CPU us/connection", "connections", lambda t: t["cpu_seconds"] / t["count"] * 1e6, "{:.1f}", True),
    ("connections/s", "connections", lambda t: t["count"] / t["seconds"], "{:.0f}", False),
    ("set-up p50 us", "set-up", lambda t: t["p50_us"], "{:.0f}", False),
    ("p99", "set-up", lambda t: t["p99_us"], "{:.0f}", False),
    ("CPU us/request, 64 connections", "requests-64", lambda t: t["cpu_seconds"] / t["count"] * 1e6, "{:.2f}", True),
    ("1 connection", "requests-1", lambda t: t["cpu_seconds"] / t["count"] * 1e6, "{:.1f}", True),
    ("CPU s/GB up", "up", lambda t: t["cpu_seconds"] / t["count"] * 1e9, "{:.3f}", True),
    ("CPU s/GB down", "down", lambda t: t["cpu_seconds"] / t["count"] * 1e9, "{:.3f}", True),
    ("GB/s up", "up", lambda t: t["count"] / t["seconds"] / 1e9, "{:.2f}", False),
    ("GB/s down", "down", lambda t: t["count"] / t["seconds"] / 1e9, "{:.2f}", False),
]
# Where the work of being intercepted is done partly in the client: both together, and the target's, which is the same for all.
WHOLE = ("CPU us/connection, all together", "connections", lambda t: (t["cpu_seconds"] + t["load_cpu_seconds"]) / t["count"] * 1e6, "{:.1f}", True)
# At most so many times the floor.
BOUNDS = {"CPU us/connection": 1.35, "CPU s/GB up": 1.20, "CPU s/GB down": 1.20}


def machine(own_core, other_core):
    with open("/proc/cpuinfo") as lines:
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    where = f"candidate on core {own_core}, the rest on core {other_core}"
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release()}; {where}"


class values:
    """Of one column and candidate, by round."""

    def __init__(self, turns, scenario, candidate, column):
        _, work, take, self.form, _ = column
        self.by_round = {t["round"]: take(t) for t in turns
                         if (t["scenario"], t["candidate"], t["work"]) == (scenario, candidate, work)}

    def cell(self, floor=None):
        if not self.by_round:
            return "-"
        all_of_them = list(self.by_round.values())
        middle = statistics.median(all_of_them)
        text = self.form.format(middle)
        if floor:
            half_range = (max(all_of_them) - min(all_of_them)) / 2
            if len(all_of_them) > 1:
                text += f" ±{half_range / middle * 100:.0f}%"
            text += f" ({self.ratio(floor):.2f})"
        return text

    def ratio(self, floor):
        return statistics.median(v / floor.by_round[r] for r, v in self.by_round.items())


def table(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def columns_of(scenario):
    # Nobody takes no time.
    return COLUMNS if scenario.floor == "floor" else [WHOLE, *(c for c in COLUMNS if not c[4])]


def scenario_table(turns, scenario):
    rows = []
    columns = [c for c in columns_of(scenario) if any(t["work"] == c[1] and t["scenario"] == scenario.name for t in turns)]
    for name in scenario.candidates:
        row = [name]
        for column in columns:
            floor = values(turns, scenario.name, scenario.floor, column) if column[4] else None
            row.append(values(turns, scenario.name, name, column).cell(floor))
        rows.append(row)
    return table(["", *(c[0] for c in columns)], rows)


def busy_table(turns, scenario):
    """What each core did; a candidate is the bottleneck where its own is the busier one."""
    works = list(dict.fromkeys(t["work"] for t in turns if t["scenario"] == scenario.name))
    rows = []
    for name in scenario.candidates:
        row = [name]
        for work in works:
            mine = [t for t in turns if (t["scenario"], t["candidate"], t["work"]) == (scenario.name, name, work)]
            shares = [statistics.median(t[key] / t["seconds"] for t in mine) * 100 for key in ("cpu_seconds", "load_cpu_seconds")]
            row.append(f"{shares[0]:.0f} / {shares[1]:.0f}")
        rows.append(row)
    return table(["% busy: its core / the load's", *works], rows)


def syscall_table(calls):
    names = sorted({call for one in calls.values() for call in one}, key=lambda c: -max(one.get(c, 0) for one in calls.values()))
    often = [name for name in names if max(one.get(name, 0) for one in calls.values()) >= 0.1]
    rows = [["all", *(f"{sum(one.values()):.1f}" for one in calls.values())]]
    rows += [[name, *(f"{one.get(name, 0):.1f}" for one in calls.values())] for name in often]
    return table(["system calls per connection", *calls], rows)


def verdicts(turns, scenario):
    for column in COLUMNS:
        bound = BOUNDS.get(column[0])
        of_omnilink = values(turns, scenario.name, "omnilink", column)
        if bound and of_omnilink.by_round:
            ratio = of_omnilink.ratio(values(turns, scenario.name, scenario.floor, column))
            yield f"- {column[0]}: {ratio:.2f} x the floor; the bound is {bound:.2f}{'' if ratio <= bound else ': **missed**'}"


def markdown(results, scenarios):
    turns, rounds = results["turns"], results["rounds"]
    out = [f"{results['machine']}. {rounds} interleaved round{'s' if rounds > 1 else ''}: "
           "median ± half range (median of the per-round ratios to the floor)."]
    if results["quick"]:
        out.append("**A glance only**: with so little work the figures are noise.")
    for scenario in scenarios:
        if why := results["skipped"].get(scenario.name):
            out.append(f"## {scenario.name}: {scenario.title}\n\nSkipped: {why}.")
        elif any(t["scenario"] == scenario.name for t in turns):
            out.append(f"## {scenario.name}: {scenario.title}")
            out += [scenario_table(turns, scenario), "\n".join(verdicts(turns, scenario)), busy_table(turns, scenario)]
            if calls := results["syscalls"].get(scenario.name):
                out.append(syscall_table(calls))
    return "\n\n".join(part.rstrip("\n") for part in out if part) + "\n"
