"""The report, in Markdown: per scenario a table of figures, the targets, how busy each core was, system calls."""

import os
import platform
import statistics

from figures import COLUMNS, WHOLE, by_round, figure, ratios
from targets import SYSCALLS, TARGETS

BUSY = 0.9  # of its core: below that, something else than the candidate may have been the bottleneck
LONE = ("set-up", "requests-1")  # who waits for one answer at a time keeps no core busy
LEGEND = ("Medians; in square brackets their 95 % interval (by order statistics; with fewer than six rounds, the range); in round brackets "
          "the median of the per-round ratios to the floor.")


def machine(own_core, other_core):
    with open("/proc/cpuinfo") as lines:
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    where = f"candidate on core {own_core}, the rest on core {other_core}"
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release()}; {where}"


def table(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def cell(turns, scenario, name, column):
    values = list(by_round(turns, name, column).values())
    if not values or (column.is_cpu and not scenario.candidates[name].has_cpu):
        return "-"
    text = figure(values).text(column.form)
    if column.compared and (found := ratios(turns, name, scenario.floor, column)):
        text += f" ({statistics.median(found):.2f})"
    return text


def figures_table(turns, scenario):
    if scenario.floor != "floor":  # nobody takes no time
        columns = [WHOLE, *(c for c in COLUMNS if not c.is_cpu)]
    else:
        columns = [*([WHOLE] if any(one.in_front for one in scenario.candidates.values()) else []), *COLUMNS]
    columns = [c for c in columns if any(t["work"] == c.work for t in turns)]
    rows = [[name, *(cell(turns, scenario, name, c) for c in columns)]
            for name in scenario.candidates if any(t["candidate"] == name for t in turns)]
    return table(["", *(c.head for c in columns)], rows)


def targets_table(turns, scenario):
    rows = []
    for one in TARGETS.get(scenario.name, ()):
        if found := one.figure(turns):
            verdict = "met" if found.low <= one.most else "**missed**"
            rows.append([f"{one.whose}: {one.what.head}", f"≤ {one.most:.2f} x {one.than}", found.text("{:.2f}"), str(found.count), verdict])
    return table(["target", "", "ratio", "rounds", ""], rows) if rows else ""


def busy_table(turns, scenario):
    """What each core did; a candidate is the bottleneck where its own is the busier one."""
    works = list(dict.fromkeys(t["work"] for t in turns))
    rows = []
    for name, one in scenario.candidates.items():
        row = [name]
        for work in works:
            mine = [t for t in turns if (t["candidate"], t["work"]) == (name, work)]
            own, others = (statistics.median(t[key] / t["seconds"] for t in mine) if mine else 0 for key in ("cpu_seconds", "load_cpu_seconds"))
            row.append(f"{own * 100:.0f} / {others * 100:.0f}{'' if own >= BUSY or work in LONE or not one.has_cpu else ' *'}" if mine else "-")
        rows.append(row)
    return (table(["% busy: its core / the load's", *works], rows)
            + f"\n\\* its core was less than {BUSY:.0%} busy: its rate may be bounded by the load or by who else uses the machine; its CPU time is its own.\n")


def syscall_table(calls, unit):
    names = sorted({call for one in calls.values() for call in one}, key=lambda c: -max(one.get(c, 0) for one in calls.values()))
    often = [name for name in names if max(one.get(name, 0) for one in calls.values()) >= 0.1]
    rows = [["all", *(f"{sum(one.values()):.1f}" for one in calls.values())]]
    rows += [[name, *(f"{one.get(name, 0):.1f}" for one in calls.values())] for name in often]
    return table([f"system calls per {unit}", *calls], rows)


def syscall_tables(syscalls, scenario):
    for work, calls in syscalls.items():
        if calls:
            yield syscall_table(calls, "connection" if work == "connections" else "request")
        most = SYSCALLS.get((scenario.name, work))
        if most and "omnilink" in calls:
            count = sum(calls["omnilink"].values())
            yield f"Target: ≤ {most} of omnilink: {count:.1f}, {'met' if count <= most else '**missed**'}.\n"


def section(got, scenario):
    yield f"## {scenario.name}: {scenario.title}"
    if "skipped" in got:
        yield f"Skipped: {got['skipped']}."
        return
    turns = got["turns"]
    rounds = len({t["round"] for t in turns})
    yield f"{got['machine']}. {rounds} interleaved round{'s' if rounds > 1 else ''}."
    for name, why in got["left_out"].items():
        yield f"Without {name}: {why}."
    if turns:
        yield figures_table(turns, scenario)
        yield targets_table(turns, scenario)
        yield busy_table(turns, scenario)
    yield from syscall_tables(got["syscalls"], scenario)


def markdown(results, scenarios, quick):
    out = [LEGEND]
    if quick:
        out.append("**A glance only**: with so little work the figures are noise.")
    for scenario in scenarios:
        if got := results.get(scenario.name):
            out += section(got, scenario)
    return "\n\n".join(part.rstrip("\n") for part in out if part) + "\n"
