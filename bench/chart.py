"""A chart of what the candidates cost, as multiples of the floor; SVG, legible on light and dark ground."""

from figures import CPU_CONNECTION, CPU_UP, figure, ratios
from scenarios import SCENARIOS

PANELS = [("CPU time per connection", CPU_CONNECTION), ("CPU time per GB, up", CPU_UP)]
INK, OURS, PEERS, FLOOR = "#6e7781", "#2f81f7", "#9aa4b0", "#d29922"
ROW, GAP, TOP = 15, 12, 58
NAMES, PANEL, SPACE = 160, 270, 70  # widths; a number stands in the space
MOST = 5.0  # times the floor; longer bars are cut


def bars(results):
    """Per scenario with a floor: what it is, and per candidate its name, whether it is ours, and a figure or nothing for each panel."""
    for scenario in SCENARIOS:
        turns = results.get(scenario.name, {}).get("turns", [])
        rows = []
        for name, one in scenario.candidates.items():
            if name == "floor" or scenario.floor != "floor" or not one.has_cpu:
                continue
            found = [ratios(turns, name, "floor", what) for _, what in PANELS]
            if any(found):
                rows.append((name, not one.is_peer, [figure(some) if some else None for some in found]))
        if rows:
            yield f"{scenario.name}: {scenario.title}", rows


def text(x, y, words, more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{words}</text>'


def bar(x, y, value, ours):
    scale = PANEL / MOST
    end = max(0, min(value.middle, MOST)) * scale
    yield f'<rect x="{x}" y="{y + 2}" width="{end:.1f}" height="{ROW - 4}" fill="{OURS if ours else PEERS}"/>'
    low, high = (max(0, min(v, MOST)) * scale + x for v in (value.low, value.high))
    if high - low >= 1:
        yield f'<path d="M{low:.1f} {y + ROW / 2}H{high:.1f}" stroke="{INK}"/>'
    yield text(max(x + end, high) + 4, y + ROW - 4, f"{value.middle:.2f}" + ("" if value.middle <= MOST else " …"))


def svg(results):
    out, y = [], TOP
    lefts = [NAMES + i * (PANEL + SPACE) for i in range(len(PANELS))]
    for what, rows in bars(results):
        out.append(text(0, y + ROW - 4, what, 'font-weight="bold"'))
        y += ROW
        for name, ours, values in rows:
            out.append(text(NAMES - 8, y + ROW - 4, name, 'text-anchor="end"'))
            for x, value in zip(lefts, values):
                out += bar(x, y, value, ours) if value else []
            y += ROW
        y += GAP
    width = lefts[-1] + PANEL + SPACE
    for x, (title, _) in zip(lefts, PANELS):
        at = x + PANEL / MOST
        out += [text(x, 18, title, 'font-weight="bold"'), f'<path d="M{at} {TOP - 8}V{y}" stroke="{FLOOR}" stroke-dasharray="4 3"/>',
                text(at, TOP - 14, "the floor", f'fill="{FLOOR}" text-anchor="middle"')]
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" role="img" '
            f'font-family="sans-serif" font-size="11" fill="{INK}">')
    return "\n".join([head, "<title>CPU time as a multiple of the floor's; less is better</title>", *out, "</svg>"]) + "\n"
