"""What was measured, a file per scenario: a later run of the same build joins its own to it."""

import contextlib
import hashlib
import json
import os
import subprocess

import network

PEERS = ("dante-server", "haproxy", "microsocks", "nginx", "proxychains4", "redsocks", "squid", "stunnel4", "tinyproxy", "v2ray")
PROGRAMS = ("omnilink", "bench/bench_floor", "bench/bench_load")


def versions():
    """Of the peers' packages that are installed."""
    with contextlib.suppress(OSError):
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PEERS], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return [line for line in done.stdout.splitlines() if " " in line.strip()]
    return []


class store:
    def __init__(self, folder, build, quick):
        self.folder, self.quick = folder, quick
        digest = hashlib.sha256()
        for name in PROGRAMS:
            with open(f"{build}/{name}", "rb") as program:
                digest.update(program.read())
        self.build = digest.hexdigest()[:16]

    def path(self, scenario):
        return f"{self.folder}/results/{scenario}.json"

    def get(self, scenario):
        """Empty: it was not measured, or of another build or with another amount of work."""
        with contextlib.suppress(FileNotFoundError, ValueError), open(self.path(scenario)) as text:
            out = json.load(text)
            if (out.get("build"), out.get("quick")) == (self.build, self.quick):
                return out
        return {}

    def put(self, scenario, fresh):
        """Kinds of work that were not measured now keep the turns that they have."""
        old = self.get(scenario)
        now = {turn["work"] for turn in fresh.get("turns", ())}
        out = {**old, **fresh, "build": self.build, "quick": self.quick, "versions": versions()}
        out["turns"] = [turn for turn in old.get("turns", ()) if turn["work"] not in now] + list(fresh.get("turns", ()))
        done = {label for turn in out["turns"] for label in (turn["candidate"], turn["work"], f"{turn['candidate']}, {turn['work']}")}
        out["left_out"] = {**{who: why for who, why in old.get("left_out", {}).items() if who not in done}, **fresh.get("left_out", {})}
        out["syscalls"] = {**old.get("syscalls", {}), **fresh.get("syscalls", {})}
        if "skipped" not in fresh:
            out.pop("skipped", None)
        os.makedirs(f"{self.folder}/results", exist_ok=True)
        network.write(self.path(scenario), json.dumps(out, indent=1))

    def everything(self):
        os.makedirs(f"{self.folder}/results", exist_ok=True)
        names = sorted(os.path.splitext(name)[0] for name in os.listdir(f"{self.folder}/results"))
        return {name: got for name in names if (got := self.get(name))}

    def write_report(self, text):
        network.write(f"{self.folder}/report.md", text)
        network.write(f"{self.folder}/report.json", json.dumps(self.everything(), indent=1))
