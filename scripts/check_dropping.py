#!/usr/bin/env python3
"""Times runs with and without run.drop_level in turns, and compares what they find. Standard library only.

    cargo build --release
    python3 scripts/check_dropping.py --rounds 3

Two scenarios: the bundled study of robustness (648 configurations in 6 worlds), and the bundled table of 216
campaigns with a grid of 22,000 rules. Both are run with 50,000 replicates unless --replicates says otherwise.
Time is that of the processors (user and system) of the whole program, files included, the page left out.
Every row of a configuration that was not dropped must be that of the run that drops nobody, but for the
columns that compare all rules replicate by replicate; winners must be the same.
"""

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / "configs"
COMPARED = ("regret_", "prob_best", "prob_picked", "picked_", "compared_replicates")


def robustness(replicates):
    text = (CONFIGS / "robustness.toml").read_text()
    text = text.replace("replicates = 2000", f"replicates = {replicates}\nDROP")
    return text.replace("[output]", "[output]\nreport = false")


def campaigns(replicates):
    spread = lambda low, high: [round(low + (high - low) * step / 19, 6) for step in range(20)]
    return f"""
seed = 42
[data]
path = "data/campaigns_216.csv"
channel = ["Ad Type", "Ad Placement", "Ad Topic", "Location"]
spend = "cost"
conversions = "expected_conversions"
[grid]
score = ["efficiency"]
alpha = {{ from = 0.0, to = 1.0, step = 0.1 }}
delta = [1.0, 1.5, 2.0, 3.0, 4.0]
min_ratio = {spread(0.0, 0.8)}
max_ratio = {spread(1.1, 4.0)}
bound_mode = ["clip"]
[world]
noise = "gamma"
dispersion = [0.437]
response = "power"
elasticity = [0.7]
[run]
replicates = {replicates}
DROP
[output]
report = false
"""


def seconds(binary, scenario, out, more):
    """Processor time of a run."""
    before = os.times()
    command = [binary, "run", scenario, "--out", out, "--force", "--progress", "never", *more]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        sys.exit(f"{scenario}: {ran.stderr}")
    after = os.times()
    user, system = after.children_user - before.children_user, after.children_system - before.children_system
    return user + system


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def winners(folder):
    selection = manifest(folder)["selection"]
    named = [(winner["configuration"], winner["won_by"]) for world in selection["worlds"] for winner in world["winners"]]
    return named, selection["headline"]["configuration"]


def compare(whole, dropping):
    """How many configurations were dropped; ends the program where a row or a winner differs."""
    with open(whole / "configurations.csv", newline="") as a, open(dropping / "configurations.csv", newline="") as b:
        dropped = 0
        for one, other in zip(csv.DictReader(a), csv.DictReader(b), strict=True):
            if "W_DROPPED_EARLY" in other["flags"].split(";"):
                dropped += 1
                continue
            for name, value in one.items():
                if not name.startswith(COMPARED) and other[name] != value:
                    sys.exit(f"configuration {one['configuration']}: {name} is {other[name]}, was {value}")
    if winners(whole) != winners(dropping):
        sys.exit(f"winners differ: {winners(whole)} and {winners(dropping)}")
    return dropped


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/liftsweep")
    parser.add_argument("--replicates", type=int, default=50_000)
    parser.add_argument("--level", default="0.05")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", help="as many as there are processors unless given")
    options = parser.parse_args()
    more = ["--threads", options.threads] if options.threads else []

    print(f"{options.replicates:,} replicates, level {options.level}, {options.rounds} rounds, {os.cpu_count()} processors, {platform.machine()}")
    with tempfile.TemporaryDirectory(prefix="check_dropping-") as place:
        place = Path(place)
        (place / "data").symlink_to(CONFIGS / "data")
        for name, text in (("robustness", robustness), ("campaigns", campaigns)):
            text = text(options.replicates)
            for kind, line in (("whole", ""), ("dropping", f"drop_level = {options.level}")):
                (place / f"{kind}.toml").write_text(f'name = "{name}"\n' + text.replace('name = "robustness"\n', "").replace("DROP", line))
            times = {"whole": [], "dropping": []}
            for turn in range(options.rounds):
                kinds = list(times)
                for kind in kinds if turn % 2 == 0 else reversed(kinds):
                    times[kind].append(seconds(options.binary, place / f"{kind}.toml", place / kind, more))
            dropped = compare(place / "whole", place / "dropping")
            looks = ", ".join(f"{look['dropped']:,} at {look['replicates']:,}" for look in manifest(place / "dropping")["scenario"]["dropping"]["looks"])
            ratios = [whole / dropping for whole, dropping in zip(times["whole"], times["dropping"])]
            whole, dropping = (statistics.median(times[kind]) for kind in ("whole", "dropping"))
            print(f"{name}: {dropped:,} configurations dropped ({looks}); {whole:.2f} s without, {dropping:.2f} s with: {statistics.median(ratios):.1f} times ({min(ratios):.1f} to {max(ratios):.1f}) less processor time")


if __name__ == "__main__":
    main()
