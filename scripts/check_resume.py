#!/usr/bin/env python3
"""Kills a running sweep with -9 at random moments, resumes it, and compares every output's SHA-256 with
those of a run that was left alone. Standard library only.

    cargo build --release
    python3 scripts/check_resume.py --kills 100

Every trial starts in an empty folder, is killed once at a moment drawn uniformly from the time that the
run takes, and is then started again with --resume, on another number of threads and with other memory.
"""

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def fingerprints(folder):
    """SHA-256 of every file of a run but the manifest, which knows time and threads."""
    files = sorted(path for path in folder.iterdir() if path.name != "manifest.json")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/liftsweep")
    parser.add_argument("--scenario", type=Path, default=ROOT / "configs/robustness.toml")
    parser.add_argument("--replicates", default="100000")
    parser.add_argument("--memory", default="64MiB", help="small, so that there are many blocks")
    parser.add_argument("--checkpoint", default="0.05", help="seconds between pieces of kept work")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    rng = random.Random(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="check_resume-"))
    base = [options.binary, "run", options.scenario, "--progress", "never"]
    base += ["--replicates", options.replicates, "--checkpoint", options.checkpoint]
    failures, states = [], Counter()
    try:
        begun = time.monotonic()
        whole = run([*base, "--memory", options.memory, "--out", folder / "whole"])
        took = time.monotonic() - begun
        if whole.returncode:
            sys.exit(whole.stderr)
        expected = fingerprints(folder / "whole")
        print(f"undisturbed: {took:.1f} s, {', '.join(expected)}", flush=True)
        for kill in range(options.kills):
            out, beside = folder / "out", folder / ".out.unfinished"
            moment = rng.uniform(0.0, took)
            command = [*base, "--memory", options.memory, "--out", out]
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(moment)
            child.kill()
            child.wait()
            pieces = []
            if beside.is_dir():
                pieces = [name for name in os.listdir(beside) if "-" in name]
            if out.is_dir():
                states["was whole already"] += 1
            else:
                states["with kept work" if pieces else "with none"] += 1
                threads, memory = rng.choice(["1", "2", "3"]), rng.choice(["32MiB", "64MiB", "1GiB"])
                more = ["--resume", "--threads", threads, "--memory", memory, "--out", out]
                resumed = run([*base, *more])
                if resumed.returncode:
                    failures.append(f"kill {kill} at {moment:.2f} s: {resumed.stderr}")
            if out.is_dir() and fingerprints(out) != expected:
                failures.append(f"kill {kill} at {moment:.2f} s: the bytes differ")
            left = sorted(name for name in os.listdir(folder) if name not in ("whole", "out"))
            # Killed after its results were in place, a run may leave its folder beside them.
            if left and not (left == [".out.unfinished"] and states["was whole already"]):
                failures.append(f"kill {kill} at {moment:.2f} s left {left}")
            for path in (out, beside):
                shutil.rmtree(path, ignore_errors=True)
        same = options.kills - len(failures)
        print(f"{same} of {options.kills} kills: the same bytes ({dict(states)})")
        for failure in failures:
            print(failure)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
