"""The report, in Markdown: per scenario a table of figures, the targets, how busy each core was, system calls."""

import os
import platform
import statistics

from figures import COLUMNS, WHOLE, by_round, figure, of, ratios
from scenarios import IDLE, LOADS, WORK
from targets import FLAT, GIVEN_BACK, IDLE_TARGETS, SYSCALLS, TARGETS

BUSY = 0.9  # of its core: below that, something else than the candidate may have been the bottleneck
LONE = ("set-up", "requests-1")  # who waits for one answer at a time keeps no core busy
BUSY_LEGEND = (f"\n\\* its core was less than {BUSY:.0%} busy: its rate may be bounded by the load or by who else uses the machine; its CPU time "
               "is its own.\n")
LEGEND = ("Medians; in square brackets their 95 % interval (by order statistics; with fewer than six rounds, the range); in round brackets "
          "the median of the per-round ratios to the floor.")


def machine(own_cores, other_cores):
    with open("/proc/cpuinfo") as lines:
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    where = f"candidate on core {min(own_cores)}, the rest on core {min(other_cores)}"
    release = platform.release().split("-")[0]
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Linux {release}; {where}"


def verdict(met):
    return "met" if met else "**missed**"


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


def figures_tables(turns, scenario):
    groups = COLUMNS
    if scenario.floor != "floor":  # nobody takes no time
        groups = [[WHOLE, *(c for c in group if not c.is_cpu)] if group is COLUMNS[0] else group for group in groups]
    elif any(one.in_front for one in scenario.candidates.values()):
        groups = [[WHOLE, *groups[0]], *groups[1:]]
    for group in groups:
        columns = [c for c in group if any(t["work"] == c.work for t in turns)]
        rows = [[name, *(cell(turns, scenario, name, c) for c in columns)] for name in scenario.candidates
                if any(of(turns, name, c.work) for c in columns)]
        if columns:
            yield table(["", *(c.head for c in columns)], rows)


def targets_table(turns, scenario):
    rows = []
    for one in TARGETS.get(scenario.name, ()):
        if found := one.figure(turns):
            rows.append([f"{one.whose}: {one.what.head}", f"≤ {one.most:.2f} x {one.than}", found.text("{:.2f}"), str(found.count),
                         verdict(found.low <= one.most)])
    return table(["target", "", "ratio", "rounds", ""], rows) if rows else ""


def busy_table(turns, scenario):
    """What each core did; a candidate is the bottleneck where its own is the busier one."""
    works = [work for work in LOADS if any(t["work"] == work for t in turns)]
    rows = []
    for name, one in scenario.candidates.items():
        row = [name]
        for work in works:
            mine = of(turns, name, work)
            own, others = (statistics.median(t[key] / t["seconds"] for t in mine) if mine else 0 for key in ("cpu_seconds", "load_cpu_seconds"))
            row.append(f"{own * 100:.0f} / {others * 100:.0f}{'' if own >= BUSY or work in LONE or not one.has_cpu else ' *'}" if mine else "-")
        rows.append(row)
    return (table(["% busy: its core / the load's", *works], rows) if works else "") + BUSY_LEGEND


def idle_tables(turns, scenario):
    """Per connection; of the kernel's memory that of the same without a proxy is taken off: client and target have sockets, too."""
    for work in IDLE:
        if not any(t["work"] == work for t in turns):
            continue
        def median(name, what):
            return statistics.median(t[what] for t in of(turns, name, work))
        ends = median("no proxy", "kernel") if of(turns, "no proxy", work) else None
        rows = []
        for name, one in scenario.candidates.items():
            if one.has_cpu and of(turns, name, work):
                kernel = "-" if ends is None else f"{median(name, 'kernel') - ends:.1f}"
                rows.append([name, f"{median(name, 'user'):.2f}", kernel, f"{median(name, 'descriptors'):.2f}", f"{median(name, 'threads'):.2f}",
                             f"{median(name, 'user_after'):.2f}"])
        count = max(t["count"] for t in turns if t["work"] == work)
        yield table([f"{count} idle connections: KiB each", "kernel's KiB", "descriptors", "threads", "KiB left after all have closed"], rows)
        if scenario.name in IDLE_TARGETS and of(turns, "omnilink", work):
            for what, unit, most in IDLE_TARGETS[scenario.name]:
                found = median("omnilink", what)
                yield f"Target: ≤ {most} {unit} of omnilink: {found:.2f}, {verdict(found <= most)}.\n"
            given = 1 - median("omnilink", "user_after") / median("omnilink", "user")
            yield f"Target: ≥ {GIVEN_BACK:.0%} of that memory given back when all have closed: {given:.0%}, {verdict(given >= GIVEN_BACK)}.\n"


def flat_tables(turns, scenario):
    """The same with much else open or remembered, by the same process."""
    for work, what in WORK.items():
        rows = []
        for name in scenario.candidates:
            mine = of(turns, name, work) if what.beside or what.flows else []
            if mine:
                without, within = (figure([t["cpu_seconds"] / t["count"] * 1e6 for t in some]) for some in ([t["without"] for t in mine], mine))
                ratio = figure([t["cpu_seconds"] / t["count"] / t["without"]["cpu_seconds"] * t["without"]["count"] for t in mine])
                said = verdict(ratio.low <= FLAT) if name == "omnilink" else ""
                rows.append([name, without.text("{:.1f}"), within.text("{:.1f}"), ratio.text("{:.2f}"), said])
        if rows:
            there = f"{what.flows} NAT entries" if what.flows else f"{what.beside} connections open"
            yield table(["CPU µs/connection", "alone", f"with {there}", "ratio", f"≤ {FLAT:.2f}"], rows)


def start_table(turns, scenario):
    rows = []
    for name, one in scenario.candidates.items():
        mine = [t for t in turns if t["candidate"] == name and t.get("start_seconds")]
        if mine and one.has_cpu:
            start = figure([t["start_seconds"] * 1e3 for t in mine])
            resident = statistics.median(t["resident_kib"] for t in mine) / 1024
            rows.append([name, start.text("{:.0f}"), f"{resident:.1f}", f"{mine[0]['program_bytes'] / 2**20:.1f}"])
    return table(["", "ms from its start until it listens", "resident MiB, warm", "program file MiB"], rows) if rows else ""


def bounds_of_workers(turns, scenario):
    """Of connections/s, by the CPU time of everybody on as many cores."""
    mine = {name: of(turns, name, "connections") for name in scenario.candidates}
    if scenario.name != "workers" or not all(mine.values()):
        return ""
    cores = len(os.sched_getaffinity(0))
    rates = {name: statistics.median(t["count"] / t["seconds"] for t in some) for name, some in mine.items()}
    whole = {name: statistics.median((t["cpu_seconds"] + t["load_cpu_seconds"]) / t["count"] for t in some) for name, some in mine.items()}
    one, two = rates.values()
    return (f"Two workers: {two:.0f} connections/s, {two / one:.2f} times one worker's {one:.0f}. A connection takes "
            f"{whole['two workers'] * 1e6:.0f} µs of CPU time of everybody, client and target too, so {cores} cores are good for "
            f"{cores / whole['two workers']:.0f} at most: {two * whole['two workers'] / cores:.0%} of that was reached.\n")


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
            yield f"Target: ≤ {most} of omnilink: {count:.1f}, {verdict(count <= most)}.\n"


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
        yield from figures_tables(turns, scenario)
        yield bounds_of_workers(turns, scenario)
        yield targets_table(turns, scenario)
        yield from flat_tables(turns, scenario)
        yield from idle_tables(turns, scenario)
        yield start_table(turns, scenario)
        yield busy_table(turns, scenario)
    yield from syscall_tables(got["syscalls"], scenario)


def markdown(results, scenarios, quick):
    out = [LEGEND]
    if quick:
        out.append("**A glance only**: with so little work the figures are noise.")
    if versions := sorted({version for got in results.values() for version in got.get("versions", ())}):
        out.append(f"Peers: {', '.join(versions)}.")
    for scenario in scenarios:
        if got := results.get(scenario.name):
            out += section(got, scenario)
    return "\n\n".join(part.rstrip("\n") for part in out if part) + "\n"
