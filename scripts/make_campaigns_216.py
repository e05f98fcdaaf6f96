# /// script
# requires-python = ">=3.10"
# dependencies = ["numpy>=2,<3"]
# ///
"""Make configs/data/campaigns_216.csv: a table with a published summary and no signal.

A public notebook reallocates a budget over 216 campaigns and prints only a summary of the table it
used. This script builds a table of our own with the same summary. No row is taken from the
original.

1. Simulate 10,000 ads: clicks ~ Poisson(5), conversions = clicks x rate, rate ~ Beta(2, 8), the
   same for every campaign. Sum them per campaign. So any difference between campaigns is chance.
2. Pull the order statistics of clicks and of conversions per dollar to the published minimum,
   quartiles and maximum (a monotone map), then move the rest by the least squares step that meets
   the published totals, means and standard deviations.
3. Round clicks to integers and conversions to four decimals, and settle what rounding left over
   one click, one ten-thousandth of a conversion, at a time.

    uv run scripts/make_campaigns_216.py [OUTPUT.csv]

It prints the achieved summary beside the published one, and fails if they differ.
"""

import csv
import math
import sys
from itertools import product
from pathlib import Path

import numpy as np

# The first seed from 1 whose extremes and quartiles can be met at four decimals per row, in
# which chance draws no pattern over types, placements, topics or locations (every p > 0.2), and
# which does not happen to repeat a click count of the five rows the notebook prints.
SEED = 76
ADS = 10_000
OUTPUT = Path(__file__).resolve().parent.parent / "configs" / "data" / "campaigns_216.csv"

# Banner, Search Engine, Fashion, Finance and the three locations are visible in the notebook; the
# other names are our own.
LEVELS = {
    "Ad Type": ["Banner", "Audio", "Carousel", "Interactive"],
    "Ad Placement": ["Search Engine", "Mobile App", "News Site"],
    "Ad Topic": ["Fashion", "Finance", "Gardening", "Groceries", "Home", "Sports"],
    "Location": ["Rural", "Suburban", "Urban"],
}
N = math.prod(len(levels) for levels in LEVELS.values())

CPC = 0.5
TOTAL_COST = 25153.0
TOTAL_CLICKS = round(TOTAL_COST / CPC)
TOTAL_UNITS = 102_146_096  # conversions, in units of 0.0001: 10214.6096
EQUAL_SPLIT = 10208.5360251  # conversions if every campaign had the same budget
UNIT = 1e-4

# The row dispersion the original's ads have, and the homogeneity statistic they give with it.
DISPERSION = 0.437
CHI_SQUARE = 207.5

# What the notebook prints, to six decimals.
PUBLISHED = {
    "conversion_rate": [
        0.202929, 0.019365, 0.163405, 0.189291, 0.201528, 0.213719, 0.266215,
    ],
    "conversions_per_dollar": [
        0.405858, 0.038731, 0.326809, 0.378582, 0.403055, 0.427437, 0.532429,
    ],
    "spend_share": [
        0.00463, 0.000721, 0.002882, 0.00413, 0.004602, 0.005074, 0.006818,
    ],
}

# Sorted positions that carry the minimum, the linear quartiles and the maximum of 216 numbers, and
# where in the gap between its two neighbours each quartile lies.
ANCHORS = [0, 53, 54, 107, 108, 161, 162, 215]
CLICKS_AT_ANCHORS = [145, 207, 208, 231, 232, 255, 256, 343]
CLICKS_SD = 36.2685
# Inside the six printed decimals of both the rate per dollar and, halved, the rate per click.
RATE_MIN, RATE_MAX, RATE_SD = 0.32680925, 0.53242925, 0.03873075
RATE_QUARTILES = [(0.3785820, 0.75), (0.40305525, 0.5), (0.42743725, 0.25)]


def simulate(rng):
    """Clicks and conversions per campaign: ads at random over campaigns, one rate for all."""
    campaign = rng.integers(N, size=ADS)
    clicks = rng.poisson(5, ADS)
    conversions = clicks * rng.beta(2, 8, ADS)
    return np.bincount(campaign, clicks, N), np.bincount(campaign, conversions, N)


def pull(x, values):
    """Monotone, piecewise linear map that puts the sorted x at ANCHORS onto `values`."""
    x = x + 1e-6 * np.argsort(np.argsort(x, kind="stable"))  # ties apart
    return np.interp(x, np.sort(x)[ANCHORS], values)


def limits(x, values):
    """Between which anchors each entry must stay; the anchors themselves are fixed."""
    rank = np.argsort(np.argsort(x, kind="stable"))
    right = np.searchsorted(ANCHORS, rank, side="left")
    values = np.asarray(values, float)
    fixed = np.isin(rank, ANCHORS)
    return np.where(fixed, values[right], values[right - 1]), values[right]


def settle(x, low, high, conditions, steps=400):
    """Least change of x within [low, high] that meets smooth conditions: (residual, gradient)s."""
    free = high > low
    for _ in range(steps):
        residuals, gradients = zip(*(condition(x) for condition in conditions))
        jacobian = np.array(gradients) * free
        scale = np.linalg.norm(jacobian, axis=1)
        jacobian, residuals = jacobian / scale[:, None], np.array(residuals) / scale
        step = np.linalg.lstsq(jacobian, residuals, rcond=None)[0]
        x = np.clip(x - step, low, high)
    return x


def total(weight, target):
    return lambda x: (weight @ x - target, weight)


def squares(weight, centre, target):
    return lambda x: (weight @ (x - centre) ** 2 - target, 2 * weight * (x - centre))


def make_clicks(simulated):
    one, mean = np.ones(N), TOTAL_CLICKS / N
    x = pull(simulated, CLICKS_AT_ANCHORS)
    low, high = limits(x, CLICKS_AT_ANCHORS)
    spread = (N - 1) * CLICKS_SD**2
    x = settle(x, low, high, [total(one, TOTAL_CLICKS), squares(one, mean, spread)])
    clicks = np.rint(x)
    # Largest remainders first, as seats are given to parties.
    left = TOTAL_CLICKS - int(clicks.sum())
    step = np.sign(left)
    room = (clicks + step >= low) & (clicks + step <= high) & (high > low)
    order = np.argsort(-step * (x - clicks) + 10.0 * ~room, kind="stable")
    clicks[order[: abs(left)]] += step
    # One click from j to i changes the sum of squares by 2 (x_i - x_j) + 2.
    for _ in range(20):
        excess = ((clicks - mean) ** 2).sum() - spread
        change = 2 * (clicks[:, None] - clicks[None, :]) + 2
        allowed = (clicks + 1 <= high)[:, None] & (clicks - 1 >= low)[None, :]
        left = np.where(allowed, np.abs(excess + change), np.inf)
        i, j = np.unravel_index(left.argmin(), left.shape)
        if left[i, j] >= abs(excess):
            break
        clicks[i] += 1
        clicks[j] -= 1
    return clicks.astype(int)


def rate_anchors(rates):
    """Values at ANCHORS: quartiles as published, the two around each as far apart as simulated."""
    ordered = np.sort(rates)
    values = [RATE_MIN]
    for below, (quartile, weight) in zip((53, 107, 161), RATE_QUARTILES):
        gap = ordered[below + 1] - ordered[below]
        values += [quartile - weight * gap, quartile + (1 - weight) * gap]
    return [*values, RATE_MAX]


def make_units(simulated, cost):
    """Conversions per campaign, in units of 0.0001, from the simulated conversions per dollar."""
    one, mean = np.ones(N), EQUAL_SPLIT / TOTAL_COST
    average = TOTAL_UNITS * UNIT / TOTAL_COST
    anchors = rate_anchors(simulated)
    x = pull(simulated, anchors)
    low, high = limits(x, anchors)
    rates = settle(x, low, high, [
        total(one, N * mean),
        total(cost, TOTAL_UNITS * UNIT),
        squares(one, mean, (N - 1) * RATE_SD**2),
        squares(cost, average, CHI_SQUARE * average * DISPERSION),
    ])
    units = np.rint(rates * cost / UNIT).astype(int)
    free = np.flatnonzero(high > low)
    left = TOTAL_UNITS - int(units.sum())
    remainder = (rates * cost / UNIT - units)[free]
    order = np.argsort(-np.sign(left) * remainder, kind="stable")
    units[free[order[: abs(left)]]] += np.sign(left)
    # One unit from j to i keeps the total and moves the unweighted mean by a hair: the pair that
    # helps most, until no pair helps.
    hair = TOTAL_COST / N * UNIT * (1 / cost[free][:, None] - 1 / cost[free][None, :])
    for _ in range(100):
        missing = EQUAL_SPLIT - TOTAL_COST / N * math.fsum(units * UNIT / cost)
        i, j = np.unravel_index(np.abs(missing - hair).argmin(), hair.shape)
        if abs(missing - hair[i, j]) >= abs(missing):
            break
        units[free[i]] += 1
        units[free[j]] -= 1
    return units


def describe(x):
    return [x.mean(), x.std(ddof=1), *np.quantile(x, [0, 0.25, 0.5, 0.75, 1])]


def homogeneity(cost, conversions):
    """Pearson's X^2 for equal rates given DISPERSION, degrees of freedom, p (Wilson-Hilferty)."""
    expected = cost * conversions.sum() / cost.sum()
    x2 = float(((conversions - expected) ** 2 / expected).sum() / DISPERSION)
    df = len(cost) - 1
    z = ((x2 / df) ** (1 / 3) - (1 - 2 / (9 * df))) / math.sqrt(2 / (9 * df))
    return x2, df, 0.5 * math.erfc(z / math.sqrt(2))


def check(keys, clicks, units):
    """Prints every number beside the published one; fails if any differs."""
    cost, conversions = CPC * clicks, units * UNIT
    rows = {
        "conversion_rate": conversions / clicks,
        "conversions_per_dollar": conversions / cost,
        "spend_share": cost / cost.sum(),
    }
    names = ["mean", "std", "min", "25%", "50%", "75%", "max"]
    wrong = []

    def line(name, achieved, published, digits):
        same = f"{achieved:.{digits}f}" == f"{published:.{digits}f}"
        print(f"{name:34}{achieved:>16.{digits}f}{published:>16.{digits}f}{'' if same else '  !'}")
        if not same:
            wrong.append(name)

    print(f"{'':34}{'achieved':>16}{'published':>16}")
    for column, values in rows.items():
        for name, achieved, published in zip(names, describe(values), PUBLISHED[column]):
            line(f"{column} {name}", achieved, published, 6)
    baseline = int(units.sum()) * UNIT
    equal = TOTAL_COST * math.fsum(conversions / cost) / N
    line("total cost", cost.sum(), TOTAL_COST, 1)
    line("total conversions", baseline, TOTAL_UNITS * UNIT, 4)
    line("conversions, equal split", equal, EQUAL_SPLIT, 7)
    line("lift of an equal split, %", 100 * (equal / baseline - 1), -0.0594597, 7)

    rate = conversions / cost
    lift = (rate**2).sum() / rate.sum() / (baseline / TOTAL_COST) - 1
    print(f"\napparent lift, efficiency, no bounds: {100 * lift:+.3f} %")
    x2, df, p = homogeneity(cost, conversions)
    print(f"homogeneity: X2 = {x2:.1f} on {df}, p = {p:.2f} (dispersion {DISPERSION})")
    least = p
    for k, column in enumerate(LEVELS):
        level = [LEVELS[column].index(key[k]) for key in keys]
        x2, df, p = homogeneity(np.bincount(level, cost), np.bincount(level, conversions))
        print(f"  {column:14} X2 = {x2:5.1f} on {df}, p = {p:.2f}")
        least = min(least, p)
    if wrong:
        sys.exit(f"not as published: {', '.join(wrong)}")
    assert (clicks > 0).all() and (conversions < clicks).all()
    assert abs(equal - 10208.536025) < 5e-7
    assert least > 0.2, "a table without signal should not show any"


def main():
    rng = np.random.default_rng(SEED)
    raw_clicks, raw_conversions = simulate(rng)
    clicks = make_clicks(raw_clicks)
    raw_rates = raw_conversions / (CPC * raw_clicks)
    units = make_units(raw_rates, CPC * clicks)

    rates = units * UNIT / (CPC * clicks)
    print(f"moved from the simulation, root mean square: {np.std(clicks - raw_clicks):.2f} clicks, "
          f"{np.std(rates - raw_rates):.4f} conversions per dollar\n")
    keys = list(product(*LEVELS.values()))
    check(keys, clicks, units)

    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    with output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*LEVELS, "clicks", "expected_conversions", "cost"])
        for key, k, u in zip(keys, clicks, units):
            writer.writerow([*key, k, f"{u // 10_000}.{u % 10_000:04d}", f"{CPC * k:.1f}"])


if __name__ == "__main__":
    main()
