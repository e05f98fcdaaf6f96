# /// script
# requires-python = ">=3.11"
# dependencies = ["polars>=1", "matplotlib>=3.8"]
# ///
"""Redraws the main charts of a run: heat map, distributions of lift, mean against CVaR.

    uv run scripts/plot_run.py results/robustness
    uv run scripts/plot_run.py results/robustness --x alpha --y delta --lift decision --world 2

Writes heatmap.png, distributions.png and mean_cvar.png into the run's folder, or into --out. The run's
manifest.json says which columns are axes and what every column means.
"""

import argparse
import json
import math
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import polars as pl
from matplotlib.ticker import PercentFormatter

WORLD = ["dispersion", "elasticity", "noise_cv", "drift_cv"]
LIFTS = ["recommended", "decision", "apparent"]
# Okabe and Ito's colours, told apart by colour-blind readers too.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a run")
    parser.add_argument("--x", default="alpha", help="axis of the heat map's columns")
    parser.add_argument("--y", default="delta", help="axis of the heat map's rows")
    parser.add_argument("--lift", choices=LIFTS, help="which lift is drawn [default: the first of them that there is]")
    parser.add_argument("--world", type=int, default=0, help="which world, in grid order from 0")
    parser.add_argument("--out", type=Path, help="folder for the pictures [default: the run's]")
    return parser.parse_args()


def read(run: Path, table: str) -> pl.DataFrame:
    parquet = run / f"{table}.parquet"
    if parquet.is_file():
        return pl.read_parquet(parquet)
    return pl.read_csv(run / f"{table}.csv", infer_schema_length=None)


def one_world(rows: pl.DataFrame, axes: list[str], position: int):
    """The rows of one world, its axes in words, and all rule axes that have several values."""
    world_axes = [axis for axis in axes if axis in WORLD]
    worlds = rows.select(world_axes).unique(maintain_order=True)
    if not 0 <= position < worlds.height:
        raise SystemExit(f"there is no world {position}: --world is at most {worlds.height - 1}, from 0")
    chosen = worlds.row(position, named=True)
    rows = rows.filter(*(pl.col(axis) == value for axis, value in chosen.items()))
    several = [axis for axis in world_axes if worlds[axis].n_unique() > 1]
    words = ", ".join(f"{axis} {chosen[axis]:g}" for axis in several)
    return rows, words


def rule(row: dict, axes: list[str]) -> str:
    return ", ".join(row[a] if isinstance(row[a], str) else f"{a} {row[a]:g}" for a in axes)


def heat_map(rows, x, y, others, lift, title):
    """The best rule of every cell: axes that are not shown take their best value."""
    metric = f"{lift}_mean"
    cells = rows.group_by(y, x).agg(pl.col(metric).max()).sort(y, x)
    grid = cells.pivot(on=x, index=y, values=metric, sort_columns=False)
    values = grid.drop(y).to_numpy()
    figure, plot = plt.subplots(figsize=(max(5, 2 + 0.75 * values.shape[1]), max(3, 1.6 + 0.6 * values.shape[0])), layout="constrained")
    largest = max(abs(values.min()), abs(values.max()), 1e-9)
    image = plot.imshow(values, cmap="RdBu", vmin=-largest, vmax=largest, aspect="auto", origin="lower")
    plot.set_xticks(range(values.shape[1]), grid.columns[1:])
    plot.set_yticks(range(values.shape[0]), [str(value) for value in grid[y]])
    plot.set(xlabel=x, ylabel=y)
    # Two figures of the largest value: lifts of a hundredth of a percent must not all read 0.0.
    decimals = min(max(1, 1 - math.floor(math.log10(100 * largest))), 5)
    for (row, column), value in [((i, j), v) for i, line in enumerate(values) for j, v in enumerate(line)]:
        colour = "white" if abs(value) > 0.6 * largest else "black"
        plot.text(column, row, f"{100 * value:.{decimals}f}", ha="center", va="center", color=colour, fontsize=8)
    best = f"; best of {', '.join(others)}" if others else ""
    plot.set_title(f"{metric}, %{best}\n{title}".strip(), fontsize=10)
    figure.colorbar(image, format=PercentFormatter(1.0), label=metric)
    return figure


def winners(rows, axes, lift):
    """The highest mean, the safest tail, and the naive choice, each once."""
    wanted = {"highest mean": f"{lift}_mean", "safest": f"{lift}_cvar", "naive choice": "apparent_mean"}
    found = {}
    for name, column in wanted.items():
        if column in rows.columns:
            row = rows.sort(column, descending=True, maintain_order=True).row(0, named=True)
            found.setdefault(row["configuration"], (name, row))
    return list(found.values())


def distributions(run, rows, axes, lift, title):
    """From every replicate where the run has draws.parquet, else from the quantiles."""
    figure, plot = plt.subplots(figsize=(8, 4), layout="constrained")
    draws = run / "draws.parquet"
    for colour, (name, row) in zip(COLOURS, winners(rows, axes, lift)):
        label = f"{name}: {rule(row, axes)}"
        if draws.is_file():
            lifts = pl.scan_parquet(draws).filter(pl.col("configuration") == row["configuration"]).select(lift).drop_nulls().collect()
            plot.hist(lifts[lift], bins=50, density=True, histtype="stepfilled", alpha=0.35, color=colour, label=label)
        else:
            prefix = f"{lift}_p"
            names = [c for c in rows.columns if c.startswith(prefix) and c[len(prefix)].isdigit() and not c.endswith("_mcse")]
            probabilities = [float(c.removeprefix(prefix).replace("_", ".")) / 100 for c in names]
            plot.plot([row[c] for c in names], probabilities, marker="o", color=colour, label=label)
            plot.set_ylabel("share of replicates below")
        plot.axvline(row[f"{lift}_mean"], color=colour, linewidth=1)
    plot.axvline(0, color="black", linewidth=1, linestyle="--")
    plot.xaxis.set_major_formatter(PercentFormatter(1.0))
    plot.set(xlabel=f"{lift} lift (dashed: today's mix; lines: means)")
    if draws.is_file():
        plot.set_yticks([])
        plot.set_ylabel("density")
    plot.set_title(title, fontsize=10)
    plot.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.18))
    return figure


def mean_against_cvar(rows, axes, lift, title):
    figure, plot = plt.subplots(figsize=(6.5, 5), layout="constrained")
    mean, cvar = f"{lift}_mean", f"{lift}_cvar"
    plot.scatter(rows[cvar], rows[mean], s=12, color="#999999", label=f"{rows.height} rules")
    # Nobody is better in both: walk down from the best mean and keep what raises the tail.
    front = rows.sort(mean, cvar, descending=True)
    front = front.filter(pl.col(cvar) > pl.col(cvar).cum_max().shift(1, fill_value=float("-inf")))
    plot.plot(front[cvar], front[mean], marker="o", color=COLOURS[1], label="Pareto front")
    ends = [front.row(0, named=True), front.row(-1, named=True)]
    for row in ends[: min(front.height, 2)]:
        plot.annotate(rule(row, axes), (row[cvar], row[mean]), fontsize=7, xytext=(-4, 6), textcoords="offset points", ha="right")
    plot.axhline(0, color="black", linewidth=0.7, linestyle="--")
    plot.axvline(0, color="black", linewidth=0.7, linestyle="--")
    plot.xaxis.set_major_formatter(PercentFormatter(1.0))
    plot.yaxis.set_major_formatter(PercentFormatter(1.0))
    plot.set(xlabel=f"mean of the worst tail ({cvar})", ylabel=mean)
    plot.set_title(title, fontsize=10)
    plot.legend(fontsize=8, loc="lower right")
    return figure


def main():
    options = arguments()
    manifest = options.run / "manifest.json"
    if not manifest.is_file():
        raise SystemExit(f"{options.run} is no folder of a run: it has no manifest.json")
    manifest = json.loads(manifest.read_text(encoding="utf-8"))
    if "configurations" not in manifest.get("columns", {}):
        raise SystemExit(f"{options.run}/manifest.json is not that of a run")
    meaning = {column["name"]: column["meaning"] for column in manifest["columns"]["configurations"]}
    axes = [name for name, text in meaning.items() if text.startswith("axis")]
    rows = read(options.run, "configurations")
    lifts = [lift for lift in LIFTS if f"{lift}_mean" in rows.columns]
    lift = options.lift or next(iter(lifts), None)
    if lift not in lifts:
        raise SystemExit(f"this run has no {lift or 'such'} lift; it has {', '.join(lifts) or 'none'}")
    rows, world = one_world(rows, axes, options.world)
    rule_axes = [axis for axis in axes if axis not in WORLD and rows[axis].n_unique() > 1]
    title = f"{manifest['scenario']['name']}" + (f" ({world})" if world else "")
    for axis in (options.x, options.y):
        if axis not in axes:
            raise SystemExit(f"{axis} is no axis of this run: {', '.join(axes)}")
    others = [axis for axis in rule_axes if axis not in (options.x, options.y)]
    out = options.out or options.run
    out.mkdir(parents=True, exist_ok=True)
    for name, figure in {
        "heatmap": heat_map(rows, options.x, options.y, others, lift, title),
        "distributions": distributions(options.run, rows, rule_axes, lift, title),
        "mean_cvar": mean_against_cvar(rows, rule_axes, lift, title),
    }.items():
        path = out / f"{name}.png"
        figure.savefig(path, dpi=120)
        print(path)


if __name__ == "__main__":
    main()
