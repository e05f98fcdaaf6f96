# /// script
# requires-python = ">=3.10"
# ///
"""Make configs/data/shop_daily.csv: twelve weeks in which good and bad days come in runs, for all channels.

Demand of a small web shop is a factor that all channels share: exp of an autoregression with
persistence 0.85 and a coefficient of variation of 30 %, as weather, paydays and competitors make it.
Conversions of a channel and day are Poisson around rate x spend x demand; spend is planned weekly per
channel. So days differ far more than Poisson counts do, they resemble their neighbours, and most of
that is the same for all channels: it says nothing about which of them is better.

    python3 scripts/make_shop_daily.py [OUTPUT.csv]

No number comes from anybody's shop. The same seed gives the same file.
"""

import csv
import math
import random
import sys
from datetime import date, timedelta
from pathlib import Path

SEED = 5
DAYS = 84
FIRST = date(2025, 9, 1)
PERSISTENCE = 0.85
CV = 0.30
# Spend per day and true conversions per 1,000 of spend, in a world of average demand.
CHANNELS = {
    "Search": (420.0, 24.0),
    "Social": (310.0, 20.0),
    "Video": (180.0, 17.0),
    "Partners": (90.0, 27.0),
}
OUTPUT = Path(__file__).resolve().parent.parent / "configs" / "data" / "shop_daily.csv"


def poisson(mean: float, draw: random.Random) -> int:
    """A Poisson number by multiplication (Knuth); means here are below 30."""
    limit, count, product = math.exp(-mean), 0, draw.random()
    while product > limit:
        count += 1
        product *= draw.random()
    return count


def demand(draw: random.Random) -> list[float]:
    """A stationary log-normal autoregression with mean 1."""
    variance = math.log1p(CV * CV)
    shock = math.sqrt(variance * (1.0 - PERSISTENCE**2))
    level = draw.gauss(0.0, math.sqrt(variance))
    days = []
    for _ in range(DAYS):
        days.append(math.exp(level - variance / 2))
        level = PERSISTENCE * level + draw.gauss(0.0, shock)
    return days


def main() -> None:
    draw = random.Random(SEED)
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    days = demand(draw)
    with output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["date", "channel", "spend", "conversions"])
        plans = {}
        for number, factor in enumerate(days):
            if number % 7 == 0:
                plans = {name: usual * draw.uniform(0.5, 1.5) for name, (usual, _) in CHANNELS.items()}
            for name, (_, rate) in CHANNELS.items():
                spend = round(plans[name] * draw.uniform(0.9, 1.1), 2)
                conversions = poisson(spend / 1000.0 * rate * factor, draw)
                writer.writerow([FIRST + timedelta(days=number), name, f"{spend:.2f}", conversions])


if __name__ == "__main__":
    main()
