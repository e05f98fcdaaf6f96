# /// script
# requires-python = ">=3.10"
# dependencies = ["arch>=7", "numpy>=1.26", "scipy>=1.11"]
# ///
"""Compares liftsweep's resampling with other people's programs.

Rows and blocks of dates against `arch` (IndependentSamplesBootstrap, CircularBlockBootstrap,
StationaryBootstrap, optimal_block_length), laws of noise against `scipy.stats`. Both sides draw
samples of the same table and give them to the same rule; what is compared is the distribution of its
apparent lift. Prints one line per statistic: both values, their difference, and that in Monte Carlo
standard errors; exits with 1 where one lies beyond 4.5 of them.

    cargo build --release
    uv run scripts/compare_resampling.py
"""

import argparse
import csv
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from arch.bootstrap import (
    CircularBlockBootstrap,
    IndependentSamplesBootstrap,
    StationaryBootstrap,
    optimal_block_length,
)
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
DAILY = ROOT / "configs/data/ads_daily.csv"
LIMIT = 4.5
CORRELATION = 0.00002
DISPERSION = 3.0


def read_daily():
    """Channels in the order of the file; per channel, spend, conversions and clicks of every day."""
    with DAILY.open() as file:
        rows = list(csv.DictReader(file))
    days = sorted({row["date"] for row in rows})
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    table = np.zeros((len(channels), len(days), 3))
    for row in rows:
        at = channels.index(row["channel"]), days.index(row["date"])
        table[at] += [float(row[key]) for key in ("spend", "conversions", "clicks")]
    return table


def apparent(spend, conversions):
    """Lift of shares in proportion to conversions, unbounded, judged by the same conversions."""
    shares = conversions / conversions.sum(axis=-1, keepdims=True)
    today = spend / spend.sum()
    rates = conversions / today
    return (shares * rates).sum(axis=-1) / conversions.sum(axis=-1) - 1


def liftsweep(program, folder, world, replicates):
    """The row of the rule in `configurations.csv`, and the manifest."""
    scenario = folder / "scenario.toml"
    scenario.write_text(
        f"""
name = "compare"
[data]
path = {json.dumps(str(DAILY))}
channel = "channel"
spend = "spend"
conversions = "conversions"
clicks = "clicks"
date = "date"
granularity = "row"
[grid]
score = "share"
alpha = 1.0
[world]
truth = "observed"
{world}
[run]
replicates = {replicates}
lifts = ["apparent"]
[output]
allocations = "none"
"""
    )
    out = folder / "run"
    command = [program, "run", scenario, "--out", out, "--force", "--progress", "never"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stderr}")
    with (out / "configurations.csv").open() as file:
        row = next(csv.DictReader(file))
    return row, json.loads((out / "manifest.json").read_text())


class Report:
    def __init__(self):
        self.worst = 0.0
        print(f"{'':38}{'liftsweep':>12}{'other':>12}{'difference':>13}{'errors':>8}")

    def line(self, what, ours, other, error):
        off = (ours - other) / error if error > 0 else math.inf * (ours != other)
        self.worst = max(self.worst, abs(off))
        print(f"{what:38}{ours:12.6f}{other:12.6f}{ours - other:13.6f}{off:8.2f}")

    def compare(self, what, row, lifts):
        n, sd = len(lifts), lifts.std(ddof=1)
        m4 = ((lifts - lifts.mean()) ** 4).mean()
        sd_error = math.sqrt(max(m4 - sd**4, 0) / n) / (2 * sd)
        ours = {key: float(row[f"apparent_{key}"]) for key in row_keys()}
        both = lambda key, other: math.hypot(float(row[f"apparent_{key}_mcse"]), other)
        self.line(f"{what}, mean", ours["mean"], lifts.mean(), both("mean", sd / math.sqrt(n)))
        self.line(f"{what}, sd", ours["sd"], sd, both("sd", sd_error))
        for p in (0.05, 0.95):
            near = np.quantile(lifts, [p - 0.01, p + 0.01])
            density = 0.02 / (near[1] - near[0])
            error = math.sqrt(p * (1 - p) / n) / density
            key = f"p{round(100 * p):02}"
            self.line(f"{what}, {key}", ours[key], np.quantile(lifts, p), both(key, error))


def row_keys():
    return ("mean", "sd", "p05", "p95")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--liftsweep", default=ROOT / "target/release/liftsweep", type=Path)
    parser.add_argument("--replicates", default=20_000, type=int)
    arguments = parser.parse_args()
    n = arguments.replicates
    daily = read_daily()
    spend, conversions, clicks = daily.sum(axis=1).T
    rng = np.random.default_rng(7)
    report = Report()

    def ratio(resampled):
        """Conversions at today's spend from days of all channels."""
        return spend * resampled[..., 1].sum(axis=1) / resampled[..., 0].sum(axis=1)

    with tempfile.TemporaryDirectory() as folder:
        run = lambda world: liftsweep(arguments.liftsweep, Path(folder), world, n)

        rows = IndependentSamplesBootstrap(*daily, seed=rng)
        drawn = (np.stack(data) for data, _ in rows.bootstrap(n))
        lifts = np.array([apparent(spend, ratio(data)) for data in drawn])
        report.compare("rows (arch)", run('noise = "rows"')[0], lifts)

        weights = rng.exponential(size=(n, *daily.shape[:2]))
        weighted = np.einsum("rcd,cdk->rck", weights, daily)
        lifts = apparent(spend, spend * weighted[..., 1] / weighted[..., 0])
        report.compare("rows_bayes (NumPy)", run('noise = "rows_bayes"')[0], lifts)

        # Days first: arch draws along the first axis, all channels together.
        by_day = daily.transpose(1, 0, 2)
        for method, length, kind in [
            ("circular", 5, CircularBlockBootstrap),
            ("stationary", 4.5, StationaryBootstrap),
        ]:
            blocks = kind(length, by_day, seed=rng)
            drawn = (data[0].transpose(1, 0, 2) for data, _ in blocks.bootstrap(n))
            lifts = np.array([apparent(spend, ratio(data)) for data in drawn])
            world = f'noise = "block"\nblock_method = "{method}"\nblock_length = {length}'
            report.compare(f"block, {method} (arch)", run(world)[0], lifts)
            series = daily[..., 1] - (conversions / spend)[:, None] * daily[..., 0]
            found = [optimal_block_length(deviations)[method].iloc[0] for deviations in series]
            other = np.average(np.maximum(found, 1), weights=conversions)
            other = round(other) if method == "circular" else other
            world = f'noise = "block"\nblock_method = "{method}"'
            manifest = run(world)[1]
            ours = manifest["scenario"]["world"]["blocks"]["length"]
            report.line(f"automatic length, {method} (arch)", ours, other, 1e-9)

        rate = conversions / clicks
        weight = (1 - CORRELATION) / CORRELATION
        d = DISPERSION
        laws = {
            "poisson": ("", stats.poisson(conversions)),
            "neg_binomial": (f"dispersion = {d}", stats.nbinom(conversions / (d - 1), 1 / d)),
            "gamma": (f"dispersion = {d}", stats.gamma(conversions / d, scale=d)),
            "binomial": ("", stats.binom(clicks.astype(int), rate)),
            "beta_binomial": (
                f"intraclass_correlation = {CORRELATION}",
                stats.betabinom(clicks.astype(int), rate * weight, (1 - rate) * weight),
            ),
        }
        for noise, (keys, law) in laws.items():
            lifts = apparent(spend, law.rvs(size=(n, len(spend)), random_state=rng))
            report.compare(f"{noise} (scipy)", run(f'noise = "{noise}"\n{keys}')[0], lifts)

    print(f"largest difference: {report.worst:.2f} standard errors")
    sys.exit(1 if report.worst > LIMIT else 0)


if __name__ == "__main__":
    main()
