# /// script
# requires-python = ">=3.11"
# ///
"""Holds what `liftsweep check` says of files, memory and time against runs of the same scenarios (Linux).

    cargo build --release
    python3 scripts/check_estimates.py                      # the bundled scenarios
    python3 scripts/check_estimates.py a.toml b.toml

Prints estimate, run and ratio of each. Exit code 1 if one is off by more than a factor of two; runs of less
than 10 MiB or 0.05 s are not judged.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNITS = {"KiB": 2**10, "MiB": 2**20, "s": 1.0, "minutes": 60.0, "hours": 3600.0}
LEAST = {"files": 10 * 2**20, "memory": 10 * 2**20, "time": 0.05}


def estimates(program, scenario):
    text = subprocess.run([program, "check", scenario], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^(files|memory|time) +(?:at most )?about ([\d.]+) (\w+)", text, re.MULTILINE)
    return {what: float(number) * UNITS[unit] for what, number, unit in found}


def measures(program, scenario, folder):
    begun = time.monotonic()
    child = subprocess.Popen([program, "run", scenario, "--out", folder, "--quiet", "--progress", "never"])
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - begun
    if status:
        sys.exit(f"{scenario}: the run failed")
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {"files": size, "memory": usage.ru_maxrss * 1024, "time": seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", type=Path, help="[default: configs/*.toml]")
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/liftsweep")
    options = parser.parse_args()
    wrong = 0
    for scenario in options.scenarios or sorted(ROOT.glob("configs/*.toml")):
        said = estimates(options.binary, scenario)
        with tempfile.TemporaryDirectory() as folder:
            seen = measures(options.binary, scenario, Path(folder) / "run")
        told = []
        for what, unit, scale in (("files", "MiB", 2**20), ("memory", "MiB", 2**20), ("time", "s", 1.0)):
            ratio = said[what] / seen[what]
            judged = max(said[what], seen[what]) >= LEAST[what]
            wrong += judged and not 0.5 <= ratio <= 2.0
            told.append(f"{what} {said[what] / scale:.2f} / {seen[what] / scale:.2f} {unit} = {ratio:.2f}")
        print(f"{scenario.name:22} " + "   ".join(told))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
