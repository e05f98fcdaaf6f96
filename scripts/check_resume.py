#!/usr/bin/env python3
"""Kills a running sweep with -9 at random moments, resumes it, and compares every output's SHA-256 with
those of a run that was left alone. Standard library only.

    cargo build --release
    python3 scripts/check_resume.py --kills 100

Every trial starts in an empty folder, is killed once at a moment drawn uniformly from the time that the
run takes, and is then started again with --resume, on another number of threads and with other memory. A
kill counts only if the sweep was running: where the run had ended before, or its results were in their
place already, the trial is made again at another moment (and its bytes are compared all the same).
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
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
    failures, states, kept = [], Counter(), []
    try:
        begun = time.monotonic()
        whole = run([*base, "--memory", options.memory, "--out", folder / "whole"])
        took = time.monotonic() - begun
        if whole.returncode:
            sys.exit(whole.stderr)
        expected = fingerprints(folder / "whole")
        print(f"undisturbed: {took:.1f} s, {', '.join(expected)}", flush=True)
        kills = 0
        while kills < options.kills and states["too late"] < 10 * options.kills:
            moment = rng.uniform(0.0, took)
            told, pieces = trial(base, options.memory, moment, folder, expected, rng)
            name = f"kill {kills + 1} at {moment:.2f} s"
            failures += [f"{name}: {words}" for words in told]
            if pieces is None:
                states["too late"] += 1
                continue
            kills += 1
            states["with kept work" if pieces else "with none"] += 1
            kept.append(pieces)
            print(f"{name}: {pieces} pieces kept, {'; '.join(told) or 'the same bytes'}", flush=True)
        failed = len({words.split(":")[0] for words in failures})
        print(
            f"{kills - failed} of {kills} kills: the same bytes ({states['with kept work']} with kept work, up to "
            f"{max(kept, default=0)} pieces; {states['with none']} before any was; {states['too late']} trials "
            "came too late and were made again)"
        )
        for failure in failures:
            print(failure)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(bool(failures) or kills < options.kills)


def trial(base, memory, moment, folder, expected, rng):
    """What went wrong when one run was killed and resumed; and the pieces of work that it had kept, or None
    if it was whole before it was killed."""
    out, beside = folder / "out", folder / ".out.unfinished"
    told = []
    child = subprocess.Popen(
        [*base, "--memory", memory, "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(moment)
    child.kill()
    ended = child.wait()
    was_running = ended == -signal.SIGKILL and not out.is_dir()
    if was_running:
        names = os.listdir(beside) if beside.is_dir() else []
        pieces = [name for name in names if "-" in name and not name.endswith(".new")]
        threads, memory = rng.choice(["1", "2", "3"]), rng.choice(["32MiB", "64MiB", "1GiB"])
        resumed = run([*base, "--resume", "--threads", threads, "--memory", memory, "--out", out])
        if resumed.returncode:
            told.append(resumed.stderr)
    elif ended not in (0, -signal.SIGKILL):
        told.append(f"ended by itself with {ended}")
    if not out.is_dir():
        told.append("there are no results")
    elif fingerprints(out) != expected:
        told.append("the bytes differ")
    left = sorted(name for name in os.listdir(folder) if name not in ("whole", "out"))
    # Killed between moving its results and removing its folder, this one run may leave the latter.
    if left and (was_running or left != [".out.unfinished"]):
        told.append(f"left {left}")
    for path in (out, beside):
        shutil.rmtree(path, ignore_errors=True)
    return told, len(pieces) if was_running else None


if __name__ == "__main__":
    main()
