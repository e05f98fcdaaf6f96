# /// script
# requires-python = ">=3.10"
# dependencies = ["numba>=0.60", "numpy>=2,<3", "pandas>=2"]
# ///
"""How long does the same sweep take in liftsweep, in Numba, in NumPy and as a pandas loop?

    cargo build --release
    uv run scripts/bench_peers.py
    uv run scripts/bench_peers.py --repeat 5 --scaling --readme README.md
    uv run scripts/bench_peers.py --workload --scaling

W1 is four channels, W2 and W3 (a grid 20 times finer) the bundled table of 216 campaigns or the one
given by --table, W4 50 copies of that table. --scaling times liftsweep against itself on W3: one
thread, twice the values of min_share, bound_mode = "project", with the page. An empty --workload
leaves out W1 to W4; --replicates makes all of it short, to try it out.

The sweep: draw the conversions of every campaign anew (Poisson), score by efficiency, blend with
today's mix (alpha, delta), clip to [min_share, max_share], divide by the sum, judge by the observed
rates; per configuration the mean, the standard deviation, P(lift > 0), seven quantiles and the
CVaR of the lift.

liftsweep is timed as a whole process, from start-up to the last table written (report.html is left
out: nobody else draws one), and computes more: Monte Carlo standard errors, regret, the probability
of being best, the Pareto front, plans. The
others compute just the statistics above, in a process that has imported and compiled everything.

- Numba: compiled loops, fastmath, replicates in parallel on all cores; sorting with NumPy (vector
  instructions), in as many threads.
- NumPy: all replicates at once, in blocks that stay in the cache; one core, but for its matrix
  products.
- pandas: one replicate and one configuration at a time, as in a notebook. Timed on a few of them
  and extrapolated.

The engines take turns. Random numbers differ between liftsweep and the others, so means, standard
deviations and P(lift > 0) are compared in units of their standard errors; the pandas loop and NumPy
must give the same lifts for the same draws. Exit code 1 if they disagree.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numba
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "configs" / "data" / "campaigns_216.csv"
LIFTSWEEP = ROOT / "target" / "release" / "liftsweep"
WORKLOADS = ["W1", "W2", "W3", "W4"]
PANDAS = "pandas loop (estimated)"
ENGINES = ["liftsweep", "Numba", "NumPy", PANDAS]
SEED = 1

QUANTILES = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
TAIL = 0.05
# The columns of a result, named as in configurations.csv.
STATISTICS = ["mean", "sd", "prob_positive", *(f"p{100 * q:02.0f}" for q in QUANTILES), "cvar"]
# The errors of quantiles and CVaR rest on a few replicates each: too few to measure by.
COMPARED = ["mean", "sd", "prob_positive"]
# In standard errors: chance exceeds it once in 500 million comparisons.
LARGEST_DIFFERENCE = 6.0
# Lifts this close to zero are rounding.
ZERO = 1e-12

# Numbers in a block of replicates (NumPy, 4 MB) or of lifts (sorting, 1 MB): a share of the cache.
BLOCK = 1 << 19
SORT_BLOCK = 1 << 17
# How much of the grid the pandas loop runs.
PANDAS_REPLICATES = 3
PANDAS_CONFIGURATIONS = 50
# Lets the worker threads of one engine fall asleep before the next one is timed.
PAUSE = 0.2

MARKERS = re.compile(r"(<!-- bench:begin -->\n).*?(<!-- bench:end -->)", re.DOTALL)


@dataclass(frozen=True)
class Workload:
    """A table, a grid and a number of replicates."""

    spend: np.ndarray
    conversions: np.ndarray
    alphas: np.ndarray
    deltas: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    replicates: int

    @property
    def share(self) -> np.ndarray:
        """Today's mix."""
        return self.spend / self.spend.sum()

    @property
    def rate(self) -> np.ndarray:
        """Conversions per unit of spend, in units of the average of the table."""
        return self.conversions / self.spend * (self.spend.sum() / self.conversions.sum())

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """Every lower bound with every upper one."""
        return list(product(self.lows.tolist(), self.highs.tolist()))

    @property
    def rules(self) -> np.ndarray:
        """(configurations, 4): alpha, delta, min_share, max_share in grid order."""
        return np.array(list(product(self.alphas, self.deltas, self.lows, self.highs)))

    @property
    def size(self) -> tuple[int, int, int]:
        """Configurations, replicates, campaigns."""
        return len(self.rules), self.replicates, len(self.spend)

    def statistics(self) -> np.ndarray:
        """Room for the results: (alphas, deltas, bounds, statistics)."""
        bounds = len(self.lows) * len(self.highs)
        return np.empty((len(self.alphas), len(self.deltas), bounds, len(STATISTICS)))


def workload(name: str, spend: np.ndarray, conversions: np.ndarray, copies: int = 1) -> Workload:
    """The grid called `name`, on the table given; bounds are relative to an equal split."""
    spend, conversions = np.tile(spend, copies), np.tile(conversions, copies)
    alphas, deltas, lows, highs, replicates = {
        "W1": (11, [1, 1.25, 1.5, 2, 3], [0, 0.1, 0.2], [np.inf, 4, 2], 10_000),
        "W2": (11, [1, 1.5, 2, 3, 4], [0, 0.2, 0.4, 0.6], [np.inf, 4, 2, 1.6, 1.3], 2_000),
        "W3": (11, [1, 1.5, 2, 3, 4], np.linspace(0, 0.8, 20), np.linspace(1.1, 4, 20), 2_000),
        "W4": (5, [1, 2], [0, 0.2, 0.4, 0.6], [np.inf, 4, 2, 1.5], 500),
    }[name]
    equal = 1 / len(spend)
    return Workload(
        spend,
        conversions,
        np.linspace(0, 1, alphas),
        np.array(deltas, float),
        np.array(lows, float) * equal,
        np.minimum(np.array(highs, float) * equal, 1.0),
        replicates,
    )


def workloads(args: argparse.Namespace) -> dict[str, Workload]:
    """All of them, by name: four channels of a quarter, then the table, then 50 copies of it."""
    spend, conversions = read_table(args.table, args.spend, args.conversions)
    quarter = np.array([8500.0, 6500, 4000, 1000]), np.array([400.0, 250, 150, 200])
    made = {
        "W1": workload("W1", *quarter),
        "W2": workload("W2", spend, conversions),
        "W3": workload("W3", spend, conversions),
        "W4": workload("W4", spend, conversions, copies=50),
    }
    if args.replicates:
        made = {name: replace(w, replicates=args.replicates) for name, w in made.items()}
    return made


def read_table(path: Path, spend: str, conversions: str) -> tuple[np.ndarray, np.ndarray]:
    """Two columns of a CSV file; every spend must be positive, since the peers divide by it."""
    table = pd.read_csv(path)
    missing = [name for name in (spend, conversions) if name not in table]
    if missing:
        sys.exit(f"{path}: no column {', '.join(missing)}; it has {', '.join(table)}")
    spend, conversions = (table[name].to_numpy(float) for name in (spend, conversions))
    if not (spend > 0).all() or not (conversions >= 0).all() or not conversions.any():
        sys.exit(f"{path}: every spend must be positive, conversions not negative nor all zero")
    return spend, conversions


# What all peers do with the lifts of a configuration


def summarise(lifts: np.ndarray) -> np.ndarray:
    """(configurations, replicates) to (configurations, statistics); sorts the lifts in place."""
    n = lifts.shape[1]
    lifts.sort(axis=1)
    mean = lifts.mean(axis=1)
    centred = lifts - mean[:, None]
    sd = np.sqrt(np.einsum("ij,ij->i", centred, centred) / max(n - 1, 1))
    positive = np.count_nonzero(lifts > ZERO, axis=1) / n
    at = QUANTILES * (n - 1)
    below = at.astype(int)
    above = np.minimum(below + 1, n - 1)
    quantiles = lifts[:, below] + (at - below) * (lifts[:, above] - lifts[:, below])
    worst = TAIL * n
    whole = int(worst)
    cvar = (lifts[:, :whole].sum(axis=1) + (worst - whole) * lifts[:, whole]) / worst
    return np.column_stack([mean, sd, positive, quantiles, cvar])


# NumPy


def numpy_sweep(w: Workload) -> np.ndarray:
    """(configurations, statistics), an alpha and a delta at a time to stay in memory."""
    rng = np.random.default_rng(SEED)
    rates = rng.poisson(w.conversions, (w.replicates, len(w.spend))) / w.spend
    out = w.statistics()
    for d, delta in enumerate(w.deltas):
        score = rates**delta
        score /= score.sum(axis=1, keepdims=True)
        for a, alpha in enumerate(w.alphas):
            out[a, d] = summarise(numpy_lifts(w, score, alpha))
    return out.reshape(-1, len(STATISTICS))


def numpy_lifts(w: Workload, score: np.ndarray, alpha: float) -> np.ndarray:
    """(bounds, replicates) from the scores of all replicates, (replicates, campaigns)."""
    share, rate, ones = w.share, w.rate, np.ones(len(w.spend))
    lifts = np.empty((len(w.bounds), len(score)))
    step = max(1, BLOCK // len(w.spend))
    for start in range(0, len(score), step):
        block = slice(start, start + step)
        mix = (1 - alpha) * share + alpha * score[block]
        shares = np.empty_like(mix)
        for lift, (low, high) in zip(lifts, w.bounds):
            np.clip(mix, low, high, out=shares)
            lift[block] = (shares @ rate) / (shares @ ones) - 1
    return lifts


# Numba


@numba.njit(parallel=True, fastmath=True)
def numba_rates(conversions, spend, replicates, seed):
    """Rates drawn: (replicates, campaigns)."""
    rates = np.empty((replicates, len(spend)))
    for r in numba.prange(replicates):
        np.random.seed(seed + r)
        for i in range(len(spend)):
            rates[r, i] = np.random.poisson(conversions[i]) / spend[i]
    return rates


@numba.njit(fastmath=True)
def numba_lift(mix, rate, low, high):
    """The lift of one mix within bounds."""
    total, gain = 0.0, 0.0
    for i in range(len(mix)):
        share = min(max(mix[i], low), high)
        total += share
        gain += share * rate[i]
    return gain / total - 1


@numba.njit(parallel=True, fastmath=True)
def numba_lifts(rates, delta, share, rate, alphas, lows, highs, lifts):
    """Fills the lifts of one delta: (alphas x bounds, replicates)."""
    for r in numba.prange(len(rates)):
        score = rates[r] if delta == 1.0 else rates[r] ** delta
        score = score / score.sum()
        j = 0
        for alpha in alphas:
            mix = (1 - alpha) * share + alpha * score
            for low in lows:
                for high in highs:
                    lifts[j, r] = numba_lift(mix, rate, low, high)
                    j += 1


def numba_sweep(w: Workload, pool: ThreadPoolExecutor) -> np.ndarray:
    """(configurations, statistics), a delta at a time to stay in memory."""
    rates = numba_rates(w.conversions, w.spend, w.replicates, SEED)
    out = w.statistics()
    lifts = np.empty((len(w.alphas) * len(w.bounds), w.replicates))
    step = max(1, SORT_BLOCK // w.replicates)
    blocks = [lifts[start : start + step] for start in range(0, len(lifts), step)]
    for d, delta in enumerate(w.deltas):
        numba_lifts(rates, delta, w.share, w.rate, w.alphas, w.lows, w.highs, lifts)
        out[:, d] = np.vstack(list(pool.map(summarise, blocks))).reshape(out[:, d].shape)
    return out.reshape(-1, len(STATISTICS))


def compile_numba(w: Workload, pool: ThreadPoolExecutor) -> None:
    """Compiles the loops, on one configuration and two replicates."""
    one = {axis: getattr(w, axis)[:1].copy() for axis in ("alphas", "deltas", "lows", "highs")}
    numba_sweep(replace(w, **one, replicates=2), pool)


# The pandas loop


def pandas_lift(table: pd.DataFrame, sample: pd.DataFrame, rule: np.ndarray) -> float:
    """The lift of one rule in one replicate."""
    alpha, delta, low, high = rule
    score = (sample["conversions"] / sample["spend"]) ** delta
    share = (1 - alpha) * table["share"] + alpha * score / score.sum()
    share = share.clip(lower=low, upper=high)
    share = share / share.sum()
    return (share * table["rate"]).sum() / (table["share"] * table["rate"]).sum() - 1


def pandas_loop(w: Workload, replicates: int, rules: np.ndarray) -> pd.DataFrame:
    """A row per replicate and rule."""
    rng = np.random.default_rng(SEED)
    table = pd.DataFrame({"spend": w.spend, "conversions": w.conversions})
    table["share"] = table["spend"] / table["spend"].sum()
    table["rate"] = table["conversions"] / table["spend"]
    rows = []
    for replicate in range(replicates):
        sample = table.assign(conversions=rng.poisson(table["conversions"]))
        for j, rule in enumerate(rules):
            lift = pandas_lift(table, sample, rule)
            rows.append({"replicate": replicate, "rule": j, "lift": lift})
    return pd.DataFrame(rows)


def pandas_summary(lifts: pd.Series) -> list[float]:
    """The statistics of one rule."""
    quantiles = lifts.quantile(QUANTILES)
    tail = lifts[lifts <= lifts.quantile(TAIL)]
    return [lifts.mean(), lifts.std(), (lifts > 0).mean(), *quantiles, tail.mean()]


def pandas_part(w: Workload) -> np.ndarray:
    """Which configurations the pandas loop runs: a few, evenly over the grid."""
    last = len(w.rules) - 1
    return np.linspace(0, last, min(PANDAS_CONFIGURATIONS, last + 1)).astype(int)


def pandas_seconds(w: Workload) -> float:
    """Seconds for the whole sweep, from a part of it; checks the lifts against NumPy's."""
    part = pandas_part(w)
    replicates = min(PANDAS_REPLICATES, w.replicates)
    lifts, loop = timed(lambda: pandas_loop(w, replicates, w.rules[part]))
    series = pd.Series(np.random.default_rng(SEED).normal(size=w.replicates))
    _, summary = timed(lambda: [pandas_summary(series) for _ in part])
    check_pandas(w, lifts.pivot(index="rule", columns="replicate", values="lift").to_numpy(), part)
    per_configuration = loop / replicates * w.replicates + summary
    return per_configuration / len(part) * w.size[0]


def check_pandas(w: Workload, lifts: np.ndarray, part: np.ndarray) -> None:
    """The same draws must give the same lifts, up to rounding."""
    rng = np.random.default_rng(SEED)
    rates = rng.poisson(w.conversions, (lifts.shape[1], len(w.spend))) / w.spend
    scores = [rates**delta for delta in w.deltas]
    scores = [score / score.sum(axis=1, keepdims=True) for score in scores]
    expected = [numpy_lifts(w, score, alpha) for alpha in w.alphas for score in scores]
    if not np.allclose(lifts, np.vstack(expected)[part], rtol=0, atol=1e-9):
        sys.exit("pandas and NumPy disagree on the lifts of the same draws")


# liftsweep


def scenario(w: Workload, bound_mode: str, page: bool) -> str:
    """The workload as a scenario file beside its table."""
    axes = {"alpha": w.alphas, "delta": w.deltas, "min_share": w.lows, "max_share": w.highs}
    grid = "\n".join(f"{axis} = {json.dumps(values.tolist())}" for axis, values in axes.items())
    return f"""name = "bench"
seed = {SEED}

[data]
path = "table.csv"
channel = "channel"
spend = "spend"
conversions = "conversions"

[grid]
score = "efficiency"
{grid}
bound_mode = "{bound_mode}"

[world]
truth = "observed"
noise = "poisson"
dispersion = 1.0
response = "linear"

[run]
replicates = {w.replicates}
lifts = ["decision"]

[output]
report = {json.dumps(page)}
"""


@dataclass(frozen=True)
class Process:
    """One liftsweep run, ready to be timed: a folder with scenario.toml and table.csv."""

    program: Path
    folder: Path
    threads: int

    @classmethod
    def prepare(
        cls,
        program: Path,
        folder: Path,
        w: Workload,
        threads: int,
        bound_mode: str = "clip",
        page: bool = False,
    ) -> Process:
        """Writes the scenario and its table into a new folder."""
        folder.mkdir(parents=True)
        (folder / "scenario.toml").write_text(scenario(w, bound_mode, page), encoding="utf-8")
        table = pd.DataFrame({"spend": w.spend, "conversions": w.conversions})
        table.insert(0, "channel", [f"c{i}" for i in range(len(table))])
        table.to_csv(folder / "table.csv", index=False)
        return cls(program, folder, threads)

    def run(self) -> None:
        """Runs the whole process; its findings go nowhere, its errors end this program."""
        options = ["--threads", str(self.threads), "--progress", "never"]
        # A folder of its own for every run: none has to clear away another's files.
        out = self.folder / f"out{len(self.runs())}"
        command = [self.program, "run", self.folder / "scenario.toml", "--out", out]
        done = subprocess.run([*command, *options], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"liftsweep ended with {done.returncode}:\n{done.stderr}")

    def configurations(self) -> pd.DataFrame:
        """What it wrote per configuration."""
        return pd.read_csv(self.runs()[0] / "configurations.csv")

    def runs(self) -> list[Path]:
        """The folders of the runs so far: all with the same files."""
        return sorted(self.folder.glob("out*"))


# Agreement


def in_order(rules: np.ndarray) -> np.ndarray:
    """The permutation that sorts rules, since engines may list them in different orders."""
    return np.lexsort(rules.T[::-1])


def paired(w: Workload, frame: pd.DataFrame, result: np.ndarray) -> tuple[pd.DataFrame, ...]:
    """liftsweep's rows and the other engine's, configuration by configuration."""
    theirs = frame[["alpha", "delta", "min_share", "max_share"]].to_numpy(float)
    if theirs.shape != w.rules.shape:
        sys.exit(f"liftsweep wrote {len(theirs)} configurations, not {len(w.rules)}")
    left, right = in_order(theirs), in_order(w.rules)
    if not np.allclose(theirs[left], w.rules[right], rtol=1e-12, atol=0):
        sys.exit("liftsweep wrote other configurations than asked for")
    other = pd.DataFrame(result[right], columns=STATISTICS)
    return frame.iloc[left].reset_index(drop=True), other


def differences(w: Workload, frame: pd.DataFrame, result: np.ndarray) -> dict[str, float]:
    """Per statistic, the largest difference from liftsweep, in standard errors of the difference.

    These are those that liftsweep reports, twice, since the other engine has as many replicates;
    for the mean, sqrt(mcse^2 + sd^2 / R) with the other engine's sd.
    """
    frame, other = paired(w, frame, result)
    frame = frame.rename(columns=lambda name: name.removeprefix("decision_"))
    steady = ~(few_decide(frame) | few_decide(other))
    worst = {}
    for name in COMPARED:
        reported = frame[f"{name}_mcse"] ** 2
        own = other["sd"] ** 2 / w.replicates if name == "mean" else reported
        apart = (frame[name] - other[name]).abs() - ZERO
        ratio = apart.clip(lower=0) / np.sqrt(reported + own).clip(lower=ZERO)
        # A missing number is a disagreement.
        ratio = ratio.fillna(np.inf)
        worst[name] = max(ratio[steady] if name == "sd" else ratio, default=0.0)
    return worst


def few_decide(lifts: pd.DataFrame) -> pd.Series:
    """Where a few replicates make the sd: the middle 90 % span less than two of it (normal: 3.3).

    If bounds make nearly all replicates alike, an engine that missed the rare others by chance
    believes that its sd has hardly any error.
    """
    return lifts["p95"] - lifts["p05"] < 2 * lifts["sd"] - ZERO


def agrees(w: Workload, frame: pd.DataFrame, results: dict[str, np.ndarray]) -> bool:
    """Prints how far the engines are apart; whether all are within the bound."""
    largest = 0.0
    for engine, result in results.items():
        worst = differences(w, frame, result)
        largest = max(largest, *worst.values())
        listed = ", ".join(f"{name} {d:.2f}" for name, d in worst.items())
        print(f"    liftsweep and {engine}, largest difference in standard errors: {listed}")
    if largest > LARGEST_DIFFERENCE:
        print(f"    DISAGREEMENT: more than {LARGEST_DIFFERENCE:g} standard errors apart")
    return largest <= LARGEST_DIFFERENCE


# Timing


def timed(work: Callable[[], object]) -> tuple[object, float]:
    """What it returns, and seconds."""
    time.sleep(PAUSE)
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


@dataclass(frozen=True)
class Timing:
    """Seconds of one workload, per engine and round; liftsweep comes first."""

    name: str
    size: tuple[int, int, int]
    seconds: dict[str, list[float]]

    def least(self) -> dict[str, float]:
        """The fastest round of each engine."""
        return {engine: min(seconds) for engine, seconds in self.seconds.items()}


def measure(
    name: str, w: Workload, process: Process, pool: ThreadPoolExecutor, repeat: int
) -> tuple[Timing, bool]:
    """Times all engines in turns, and compares what they found."""
    results = {}
    seconds = {engine: [] for engine in ENGINES}
    for _ in range(repeat):
        seconds["liftsweep"].append(timed(process.run)[1])
        results["Numba"], took = timed(lambda: numba_sweep(w, pool))
        seconds["Numba"].append(took)
        results["NumPy"], took = timed(lambda: numpy_sweep(w))
        seconds["NumPy"].append(took)
        seconds[PANDAS].append(pandas_seconds(w))
    timing = Timing(name, w.size, seconds)
    print_timing(timing)
    return timing, agrees(w, process.configurations(), results)


def scaling(w: Workload, program: Path, folder: Path, threads: int, repeat: int) -> list[str]:
    """How liftsweep's time grows on W3, as sentences; paired runs that take turns."""
    double = replace(w, lows=np.linspace(w.lows[0], w.lows[-1], 2 * len(w.lows)))
    few, many = (f"{len(x.lows) * len(w.highs)} bounds" for x in (w, double))
    runs = {
        "base": (w, threads, "clip"),
        f"one thread in place of {threads}": (w, 1, "clip"),
        f"twice the values of min_share, {many} in place of {few}": (double, threads, "clip"),
        'bound_mode = "project" in place of "clip"': (w, threads, "project"),
        "with report.html too": (w, threads, "clip", True),
    }
    processes = {
        name: Process.prepare(program, folder / f"scaling{i}", *run)
        for i, (name, run) in enumerate(runs.items())
    }
    seconds = {name: [] for name in runs}
    for _ in range(repeat):
        for name, process in processes.items():
            seconds[name].append(timed(process.run)[1])
    base = seconds.pop("base")
    return [compared(name, taken, base) for name, taken in seconds.items()]


def compared(name: str, seconds: list[float], base: list[float]) -> str:
    """One sentence: the ratio of the minima, and the median of the ratios of each round."""
    ratio = min(seconds) / min(base)
    pairs = statistics.median(one / other for one, other in zip(seconds, base))
    return (
        f"{name}: {ratio:.2f} times as long ({duration(min(seconds))} and {duration(min(base))}; "
        f"median of pairs {pairs:.2f})"
    )


# Reports


def duration(seconds: float) -> str:
    """With two or three digits, in a unit that suits it."""
    if seconds < 100:
        return f"{seconds:.{0 if seconds >= 10 else 2 if seconds >= 0.1 else 3}f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def times(ratio: float) -> str:
    """A ratio with two digits, below 2 with two decimals."""
    if ratio < 10:
        return f"{ratio:.2f}x" if ratio < 2 else f"{ratio:.1f}x"
    return f"{float(f'{ratio:.2g}'):,.0f}x"


def sizes(timing: Timing) -> str:
    """Configurations x replicates x campaigns."""
    return " x ".join(f"{n:,}" for n in timing.size)


def print_timing(timing: Timing) -> None:
    """Minimum, median and ratio to liftsweep, an engine a line."""
    print(f"\n{timing.name}: {sizes(timing)} (configurations x replicates x campaigns)")
    least = timing.least()
    print(f"    {'':24}{'minimum':>13}{'median':>13}{'ratio':>10}")
    for engine, seconds in timing.seconds.items():
        ratio = times(least[engine] / least["liftsweep"])
        median = statistics.median(seconds)
        print(f"    {engine:24}{least[engine]:>11,.3f} s{median:>11,.3f} s{ratio:>10}", flush=True)


def markdown(timings: list[Timing], sentences: list[str], notes: list[str]) -> str:
    """What goes between the markers of the README."""
    lines = []
    if timings:
        lines.append(f"| configurations x replicates x campaigns | {' | '.join(ENGINES)} |")
        lines.append("|---|" + "---:|" * len(ENGINES))
    for timing in timings:
        least = timing.least()
        first = least.pop("liftsweep")
        cells = [duration(first)]
        cells += [f"{duration(seconds)} ({times(seconds / first)})" for seconds in least.values()]
        lines.append(f"| {timing.name}: {sizes(timing)} | {' | '.join(cells)} |")
    lines += ["", *notes]
    if sentences:
        lines += ["", "liftsweep on the grid of W3, against itself:", ""]
        lines += [filled(f"- {sentence}", subsequent_indent="  ") for sentence in sentences]
    return "\n".join(lines).strip() + "\n"


def explanation(args: argparse.Namespace, version: str) -> list[str]:
    """When, where, with what and how it was measured."""
    peers = [f"{module.__name__} {module.__version__}" for module in (numba, np, pd)]
    versions = ", ".join([version, f"Python {platform.python_version()}", *peers])
    where = f"{datetime.date.today()}, {processor()}, {cores()} cores, {args.threads} threads"
    text = (
        f"{where}; {versions}. Fastest of {args.repeat} runs in turns; in brackets, how many times "
        "as long as liftsweep. liftsweep is timed as a whole process that writes its tables; the "
        "others compute just the distributions of lift, compiled and in memory. The pandas loop is "
        "extrapolated from "
        f"{PANDAS_REPLICATES} replicates of {PANDAS_CONFIGURATIONS} configurations."
    )
    commands = ["```sh", "cargo build --release", args.command, "```"]
    return [filled(text), "", *commands]


def filled(text: str, **options: str) -> str:
    """In lines as long as the README's."""
    return textwrap.fill(text, 105, break_on_hyphens=False, break_long_words=False, **options)


def version(folder: Path) -> str:
    """Which liftsweep wrote the results in this folder."""
    for path in folder.glob("*/out*/manifest.json"):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return f"liftsweep {manifest['version']} (commit {manifest.get('commit') or 'unknown'})"
    return "liftsweep"


def processor() -> str:
    """The model of the CPU, as the system calls it."""
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def write_readme(path: Path, text: str) -> None:
    """Replaces what is between the markers."""
    readme = path.read_text(encoding="utf-8")
    path.write_text(MARKERS.sub(lambda found: found[1] + text + found[2], readme), encoding="utf-8")


# Command line


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = made.add_argument
    add("--workload", nargs="*", choices=WORKLOADS, default=WORKLOADS, help="which; none skips all")
    add("--repeat", type=int, default=3, help="rounds, in which the engines take turns")
    add("--threads", type=int, default=cores(), help="of liftsweep and Numba [all cores]")
    add("--replicates", type=int, help="in place of the workload's own, to try things out")
    add("--scaling", action="store_true", help="also: threads, twice the min_shares, project (W3)")
    add("--liftsweep", type=Path, default=LIFTSWEEP, help="the program [target/release/liftsweep]")
    add("--table", type=Path, default=TABLE, help="CSV of W2 to W4 [the bundled 216 campaigns]")
    add("--spend", default="cost", help="its column of spend")
    add("--conversions", default="expected_conversions", help="its column of conversions")
    add("--readme", type=Path, help="replace what is between its bench markers")
    return made


def command(made: argparse.ArgumentParser, args: argparse.Namespace) -> str:
    """The command line that repeats this run, files by their name alone."""
    words = ["uv", "run", "scripts/bench_peers.py"]
    for option, value in vars(args).items():
        if value != made.get_default(option):
            words.append(f"--{option}")
            values = value if isinstance(value, list) else [] if value is True else [value]
            words += [v.name if isinstance(v, Path) else str(v) for v in values]
    return shlex.join(words)


def arguments() -> argparse.Namespace:
    """Parsed and checked before anything is measured."""
    made = parser()
    args = made.parse_args()
    args.command = command(made, args)
    if not args.liftsweep.is_file():
        made.error(f"{args.liftsweep} is missing: run `cargo build --release` first")
    if not 1 <= args.threads <= cores():
        made.error(f"--threads must be between 1 and {cores()}")
    if args.repeat < 1 or (args.replicates is not None and args.replicates < 2):
        made.error("--repeat must be at least 1, --replicates at least 2")
    if args.readme and not MARKERS.search(args.readme.read_text(encoding="utf-8")):
        made.error(f"{args.readme} lacks <!-- bench:begin --> and <!-- bench:end --> lines")
    return args


def measured(
    args: argparse.Namespace, made: dict[str, Workload], folder: Path, pool: ThreadPoolExecutor
) -> Iterator[tuple[Timing, bool]]:
    """Timing and agreement, workload by workload."""
    for name in args.workload:
        process = Process.prepare(args.liftsweep, folder / name, made[name], args.threads)
        compile_numba(made[name], pool)
        yield measure(name, made[name], process, pool, args.repeat)


def main() -> None:
    """Measures, prints, writes the README; exit code 1 if the engines disagree."""
    args = arguments()
    made = workloads(args)
    numba.set_num_threads(args.threads)
    print(f"{processor()}, {cores()} cores, {args.threads} threads, {args.repeat} rounds")
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(args.threads) as pool:
        folder = Path(temporary)
        rows = list(measured(args, made, folder, pool))
        sentences = []
        if args.scaling:
            sentences = scaling(made["W3"], args.liftsweep, folder, args.threads, args.repeat)
            print("\nliftsweep on W3, against itself:", *sentences, sep="\n    ")
        notes = explanation(args, version(folder))
    if not all(agree for _, agree in rows):
        sys.exit(1)
    if args.readme:
        write_readme(args.readme, markdown([timing for timing, _ in rows], sentences, notes))


if __name__ == "__main__":
    main()
