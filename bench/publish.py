"""README's part about performance, its chart, and the whole report beside it: made of the results that are there, by one command."""

import statistics

import chart
import network
import report
from figures import CPU_CONNECTION, CPU_REQUEST, SET_UP, WHOLE, by_round, figure, of, ratios
from scenarios import SCENARIOS, WORK
from targets import BULK, TARGETS

BEGIN, END = "<!-- bench/run --publish -->", "<!-- end -->"
CHART, REPORT = "docs/performance.svg", "docs/performance.md"
SCENARIO = {one.name: one for one in SCENARIOS}


def target_of(scenario, whose, what):
    return next((one for one in TARGETS.get(scenario.name, ()) if (one.whose, one.what, one.than) == (whose, what, "floor")), None)


def ratio_cell(turns, scenario, name, what):
    found = ratios(turns, name, "floor", what)
    if not found:
        return "-"
    value, target = figure(found), target_of(scenario, name, what)
    if target and value.low > target.most:
        return f"**{value.middle:.2f}** (> {target.most:.2f})"
    return f"{value.middle:.2f}"


def best_peer(turns, scenario, what):
    found = {name: statistics.median(some) for name, one in scenario.candidates.items()
             if one.is_peer and one.has_cpu and (some := ratios(turns, name, "floor", what))}
    return " ".join((best := min(found, key=found.get), f"{found[best]:.2f}")) if found else "-"


def ratios_table(results):
    rows = []
    for scenario in SCENARIOS:
        turns = results.get(scenario.name, {}).get("turns", [])
        for name in scenario.candidates:
            if name.startswith("omnilink") and scenario.floor == "floor" and of(turns, name, "connections"):
                bulk = [ratio_cell(turns, scenario, name, what) for what in BULK]
                rows.append([scenario.name + name.removeprefix("omnilink"), ratio_cell(turns, scenario, name, CPU_CONNECTION),
                             "-" if set(bulk) == {"-"} else " / ".join(bulk), ratio_cell(turns, scenario, name, CPU_REQUEST),
                             ratio_cell(turns, scenario, name, SET_UP), best_peer(turns, scenario, CPU_CONNECTION),
                             best_peer(turns, scenario, BULK[0])])
    return report.table(["omnilink as a multiple of the floor", "CPU/connection", "CPU/GB up / down / 16 up", "CPU/request", "set-up p50",
                         "best peer: CPU/connection", "CPU/GB up"], rows)


def ways_table(results):
    scenario, turns = SCENARIO["ways"], results.get("ways", {}).get("turns", [])
    if not turns:
        return ""
    p99 = report.COLUMNS[0][3]
    rows = [[name, *(f"{statistics.median(by_round(turns, name, what).values()):.0f}" if by_round(turns, name, what) else "-"
                     for what in (WHOLE, SET_UP, p99))] for name in scenario.candidates if of(turns, name, "connections")]
    return ("What it costs to be intercepted at all, straight on to the target: the CPU time of everybody together, client and target too, and the\n"
            "time until a lone client has its 64 bytes back:\n\n"
            + report.table(["intercepted by", "CPU µs/connection, all together", "set-up p50, µs", "p99"], rows))


def sentences(results):
    """What fits into no table."""
    out = []
    for name, work, unit in (("socks5", "connections", "SOCKS5 connection"), ("pass", "connections", "passed-through connection"),
                             ("socks5", "requests-64", "round trip of 64 bytes")):
        calls = results.get(name, {}).get("syscalls", {}).get(work, {})
        if {"omnilink", "floor"} <= set(calls):
            out.append(f"{sum(calls['omnilink'].values()):.1f} system calls per {unit} (floor: {sum(calls['floor'].values()):.1f})")
    for name, work in (("socks5", "idle-10000"), ("tls", "idle-10000")):
        mine = of(results.get(name, {}).get("turns", []), "omnilink", work)
        if mine:
            hop = "" if name == "socks5" else " with a TLS hop"
            out.append(f"{statistics.median(t['user'] for t in mine):.1f} KiB of memory and {statistics.median(t['descriptors'] for t in mine):.0f} "
                       f"descriptors per idle connection{hop}, of {mine[0]['count']}")
    started = [t for t in results.get("socks5", {}).get("turns", []) if t["candidate"] == "omnilink" and t.get("start_seconds")]
    if started:
        out.append(f"{statistics.median(t['start_seconds'] for t in started) * 1e3:.0f} ms to start, "
                   f"{statistics.median(t['resident_kib'] for t in started) / 1024:.0f} MiB resident, "
                   f"program file {started[0]['program_bytes'] / 2**20:.1f} MiB")
    more = report.bounds_of_workers(results.get("workers", {}).get("turns", []), SCENARIO["workers"]).strip()
    return "".join(f"- {one}\n" for one in out) + (f"- {more}\n" if more else "")


def part(results):
    measured = [got for got in results.values() if got.get("turns")]
    rounds = min(len({t["round"] for t in got["turns"] if not WORK[t["work"]].is_rare}) for got in measured)
    return "\n".join(one for one in (
        f"![CPU time as a multiple of the floor's]({CHART})\n",
        f"{measured[0]['machine']}. Medians of {rounds} interleaved rounds; bold: above its target, which stands behind it. All figures, with their\n"
        f"intervals: [{REPORT}]({REPORT}).\n",
        ratios_table(results), sentences(results), ways_table(results)) if one)


def publish(root, results):
    with open(f"{root}/README.md") as text:
        before, _, rest = text.read().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"README.md: {BEGIN} … {END} is missing")
    network.write(f"{root}/README.md", f"{before}{BEGIN}\n{part(results)}{END}{after}")
    network.write(f"{root}/{CHART}", chart.svg(results))
    network.write(f"{root}/{REPORT}", "# What omnilink costs\n\nMade by `./bench/run --publish`.\n\n" + report.markdown(results, SCENARIOS, False))
