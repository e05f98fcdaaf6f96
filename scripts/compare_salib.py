# /// script
# requires-python = ">=3.11"
# dependencies = ["SALib==1.6.0", "numpy>=1.26", "pandas>=2"]
# ///
"""Compares the indices of designs with SALib.

First the estimators, on the same outputs: the columns that a run of configs/ranges.toml writes go to SALib's
Saltelli and Jansen estimators, whose indices must be those of sensitivity.csv to 1e-12; beside them the widths of
both bootstrap intervals, of which those of mean and CVaR are held to each other. Then the points: liftsweep makes scrambled Sobol' points and a Latin hypercube of three
ranges, SALib its own samples of the same size, all go through Ishigami's function, and every index stands beside the
exact one, with the difference in standard errors over independent samples. Exits with 1 where estimators differ by
more than 1e-12, intervals by more than a fifth, or a mean index lies beyond 4.5 standard errors.

    cargo build --release
    uv run scripts/compare_salib.py
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd
from SALib.analyze import sobol
from SALib.sample import latin, sobol as sobol_sample

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT = 4.5
AXES = ["alpha", "delta", "elasticity"]
ENDS = {"alpha": (0.0, 1.0), "delta": (1.0, 3.0), "elasticity": (0.3, 1.0)}
# First-order and total indices of Ishigami's function with a = 7, b = 0.1.
EXACT = {"S1": [0.313905, 0.442411, 0.0], "ST": [0.557589, 0.442411, 0.243684]}
UNIT = {"num_vars": 3, "names": AXES, "bounds": [[0.0, 1.0]] * 3}


def run(program, scenario, out, *more):
    command = [program, "run", scenario, "--out", out, "--force", "--quiet", *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stderr}")
    return pd.read_csv(out / "configurations.csv"), pd.read_csv(out / "sensitivity.csv")


def analysed(outputs, resamples=2):
    return sobol.analyze(UNIT, outputs, calc_second_order=False, num_resamples=resamples, seed=1)


def estimators(program, folder):
    """Largest difference of an index, and the ratio of interval widths, on the outputs of one run."""
    rows, ours = run(program, ROOT / "configs/ranges.toml", folder / "run")
    print("the same outputs: largest difference of an index, width of 90 % intervals over SALib's")
    print(f"{'':32}{'first':>10}{'total':>10}{'width':>10}{'width':>10}")
    worst, ratios = 0.0, []
    for (lift, metric), part in ours.groupby(["lift", "metric"], sort=False):
        outputs = rows[f"{lift}_{metric}"].to_numpy()
        if np.ptp(outputs) == 0.0:
            continue
        theirs = analysed(outputs, resamples=400)
        off, widths = [], []
        for order, key in [("first", "S1"), ("total", "ST")]:
            got = part[part["order"] == order].set_index("axis").reindex(AXES)
            off.append(np.abs(got["index_raw"].to_numpy() - theirs[key]).max())
            # SALib's confidence is half a 95 % interval: 1.96 standard deviations.
            width = (got["index_p95"] - got["index_p05"]).to_numpy()
            widths.append(np.median(width / (2 * 1.645 * theirs[key + "_conf"] / 1.96)))
        worst = max(worst, *off)
        # Nearly all probabilities of a gain are 1 here: a few rows make their bootstrap distribution so skewed that
        # quantiles, as ours, and standard deviations, as SALib's, are no longer of one kind.
        if metric != "prob_positive":
            ratios += widths
        print(f"{lift + ' ' + metric:32}{off[0]:10.1e}{off[1]:10.1e}{widths[0]:10.2f}{widths[1]:10.2f}")
    return worst, ratios


def ishigami(unit):
    x = 2 * np.pi * unit - np.pi
    return np.sin(x[:, 0]) * (1 + 0.1 * x[:, 2] ** 4) + 7 * np.sin(x[:, 1]) ** 2


def our_points(program, folder, sampler, seed, points):
    """The points of one of our designs, from 0 to 1, in the order that SALib analyses."""
    ranges = "".join(f"{axis} = {{ from = {ENDS[axis][0]}, to = {ENDS[axis][1]} }}\n" for axis in AXES[:2])
    scenario = folder / "points.toml"
    scenario.write_text(
        f"""
name = "points"
seed = {seed}
[data]
path = {json.dumps(str(ROOT / "configs/data/q1_channels.csv"))}
channel = "channel"
spend = "spend"
conversions = "conversions"
[design]
sampler = "{sampler}"
points = {points}
[grid]
{ranges}[world]
elasticity = {{ from = {ENDS["elasticity"][0]}, to = {ENDS["elasticity"][1]} }}
[run]
replicates = 2
holdout = 0.0
lifts = ["recommended"]
[output]
report = false
"""
    )
    rows, _ = run(program, scenario, folder / "points")
    return np.column_stack([(rows[a] - ENDS[a][0]) / (ENDS[a][1] - ENDS[a][0]) for a in AXES])


def their_points(sampler, seed, points):
    if sampler == "sobol":
        return sobol_sample.sample(UNIT, points, calc_second_order=False, seed=seed)
    wide = {"num_vars": 6, "names": list("abcdef"), "bounds": [[0.0, 1.0]] * 6}
    both = latin.sample(wide, points, seed=seed)
    a, b = both[:, :3], both[:, 3:]
    rows = [a, *(np.where(np.arange(3) == axis, b, a) for axis in range(3)), b]
    return np.stack(rows, axis=1).reshape(-1, 3)


def samples(program, folder, points, times):
    worst = 0.0
    print(f"\nIshigami's function, {points} points, {times} samples: mean index, spread, and (mean - exact) in standard errors")
    print(f"{'':28}{'exact':>9}{'liftsweep':>11}{'spread':>9}{'errors':>8}{'SALib':>11}{'spread':>9}{'errors':>8}")
    for sampler in ["sobol", "latin_hypercube"]:
        found = {"ours": [], "theirs": []}
        for seed in range(times):
            ours = our_points(program, folder, sampler, seed, points)
            found["ours"].append(analysed(ishigami(ours)))
            found["theirs"].append(analysed(ishigami(their_points(sampler, seed, points))))
        for key in ["S1", "ST"]:
            for axis in range(3):
                exact = EXACT[key][axis]
                line = f"{sampler + ', ' + key + ' of x' + str(axis + 1):28}{exact:9.4f}"
                for whose in ["ours", "theirs"]:
                    values = np.array([indices[key][axis] for indices in found[whose]])
                    spread = values.std(ddof=1)
                    errors = (values.mean() - exact) / (spread / np.sqrt(times))
                    line += f"{values.mean():11.4f}{spread:9.4f}{errors:8.2f}"
                    if whose == "ours":
                        worst = max(worst, abs(errors))
                print(line)
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "target/release/liftsweep", type=pathlib.Path)
    parser.add_argument("--points", default=256, type=int)
    parser.add_argument("--samples", default=30, type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        difference, ratios = estimators(options.program, folder)
        errors = samples(options.program, folder, options.points, options.samples)
    print(f"\nestimators differ by at most {difference:.1e}; widths of intervals over SALib's: {min(ratios):.2f} to {max(ratios):.2f}")
    print(f"largest difference to an exact index: {errors:.2f} standard errors")
    fine = difference <= 1e-12 and 0.8 < min(ratios) and max(ratios) < 1.2 and errors <= LIMIT
    return int(not fine)


if __name__ == "__main__":
    sys.exit(main())
