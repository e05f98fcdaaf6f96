# /// script
# requires-python = ">=3.11"
# dependencies = ["ray[default]>=2.50,<3", "psutil>=5"]
# ///
"""Sweeps on a Ray cluster of two nodes of one CPU each, on this machine, while things die; compares.

    cargo build --release
    uv run scripts/check_ray.py
    uv run scripts/check_ray.py --only node --only driver --replicates 50000
    uv run scripts/check_ray.py --overhead --shards 2

Every trial runs `scripts/ray_sweep.py` and kills one thing with -9 while a shard of the phase named is being
made. The run must have the SHA-256 of every file (but manifest.json, which knows time and threads) that
`liftsweep run` writes, the shards of whoever was killed must end by themselves, and when all is over no
process of those that were ever seen may be there. Exit code 1 if one of these does not hold.

`--overhead` kills nothing: it makes the same shards in turn through Ray and by as many plain processes at a
time, both phases, and prints the ratio of their times. Ray has been started by then, and its workers too.
"""

import argparse
import contextlib
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import psutil
import ray
from ray.cluster_utils import Cluster

import ray_sweep

ROOT = Path(__file__).resolve().parent.parent
FAULTS = {
    "none": "nothing dies",
    "worker": "a worker is killed",
    "node": "a node is removed",
    "shard": "a shard's process is killed",
    "driver": "the driver is killed, and started again",
    "local": "the driver is killed where it is the cluster, and started again",
}
# A shard looks at its interruption between blocks, and ends at once after a second.
PATIENCE = 5.0


def fingerprints(folder):
    files = sorted(path for path in folder.iterdir() if path.name != "manifest.json")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class Trial:
    def __init__(self, options, folder, cluster):
        self.options, self.folder, self.cluster = options, folder, cluster
        self.out = folder / "out"
        self.seen = set()

    def start(self):
        command = [sys.executable, ROOT / "scripts/ray_sweep.py", self.options.scenario, "--binary", self.options.binary]
        command += ["--shards", str(self.options.shards), "--replicates", self.options.replicates, "--out", self.out]
        if self.cluster:
            command += ["--address", self.cluster.address]
        with open(self.folder / "log", "a") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def look(self):
        """All that this process has started, at whatever remove; shards among them."""
        found = psutil.Process().children(recursive=True)
        self.seen.update(found)
        shards = []
        for process in found:
            with contextlib.suppress(psutil.Error):
                if "--shard" in (command := process.cmdline()) and "--die-with-stdin" in command:
                    shards.append((process, command[command.index("--phase") + 1]))
        return shards

    def wait_for(self, driver, phase, raylet=None, kept=0):
        """A shard being made: on the node of `raylet`, if given, and once so many of its phase are kept."""
        until = time.monotonic() + self.options.timeout
        while time.monotonic() < until and driver.poll() is None:
            for process, of_phase in self.look():
                with contextlib.suppress(psutil.Error):
                    enough = len(list(self.folder.glob(f".out.shards/{phase}-*.parquet"))) >= kept
                    if of_phase == phase and enough and raylet in (None, process.parent().ppid()):
                        return process
            time.sleep(0.02)
        raise RuntimeError(f"no shard of phase {phase} was seen: more --replicates?")

    def finish(self, driver):
        until = time.monotonic() + self.options.timeout
        while driver.poll() is None:
            if time.monotonic() > until:
                driver.kill()
                raise RuntimeError("did not end in time")
            self.look()
            time.sleep(0.1)
        if driver.returncode:
            raise RuntimeError(f"exit code {driver.returncode}")

    def end_by_themselves(self, shards):
        begun = time.monotonic()
        _, alive = psutil.wait_procs(shards, timeout=PATIENCE)
        if alive:
            raise RuntimeError(f"{len(alive)} shards outlived who started them by {PATIENCE} s")
        return f"its shards ended within {time.monotonic() - begun:.1f} s"

    def run(self, fault):
        driver = self.start()
        told = ""
        try:
            if fault == "worker":
                shard = self.wait_for(driver, "best")
                shard.parent().kill()
                told = self.end_by_themselves([shard])
            elif fault == "shard":
                self.wait_for(driver, "rows").kill()
            elif fault == "node":
                node = next(iter(self.cluster.worker_nodes))
                raylet = node.all_processes["raylet"][0].process.pid
                shard = self.wait_for(driver, "rows", raylet)
                self.cluster.remove_node(node, allow_graceful=False)
                told = self.end_by_themselves([shard])
                self.cluster.add_node(num_cpus=1)
            elif fault in ("driver", "local"):
                self.wait_for(driver, "rows", kept=2)
                shards = [shard for shard, _ in self.look()]
                driver.kill()
                driver.wait()
                told = self.end_by_themselves(shards)
                kept = len(list(self.folder.glob(".out.shards/rows-*.parquet")))
                told += f", {kept} of {self.options.shards} were kept"
                driver = self.start()
            self.finish(driver)
        finally:
            if driver.poll() is None:
                driver.terminate()
                driver.wait()
        return told


def overhead(options, rounds=7):
    """Seconds of both phases: by plain processes, and through Ray."""
    scenario = options.scenario.resolve()
    of, at_once = options.shards, min(options.shards, os.cpu_count())
    common = ["run", str(scenario), "--replicates", options.replicates, "--threads", "1", "--progress", "never"]
    settings = argparse.Namespace(
        cpus=1, retries=0, scenario=scenario, binary=options.binary, shards=of, best_shards=of, force=True
    )
    base = Path(tempfile.mkdtemp(prefix="check_ray-"))

    def merge(paths, out):
        ray_sweep.merge(settings, paths, out, "--force", quiet=True)

    def plain(folder):
        def make(phase, shard, *more):
            out = folder / f"{phase}-{shard}"
            part = ["--phase", phase, "--shard", f"{shard}/{of}", "--out", out, *more]
            subprocess.run([options.binary, *common, *part], check=True, stdin=subprocess.DEVNULL, capture_output=True)
            return out

        with ThreadPoolExecutor(at_once) as pool:
            merge(list(pool.map(lambda shard: make("best", shard), range(1, of + 1))), folder / "best")
            return list(pool.map(lambda shard: make("rows", shard, "--best", folder / "best"), range(1, of + 1)))

    def by_ray(folder):
        work = ray_sweep.Work(folder, {}, settings)
        work.cut_into({"best": of, "rows": of})
        sent, settings.sent_scenario, _ = ray_sweep.pack(settings)
        files = [ray.put(sent)]
        there = ["run", settings.sent_scenario, *common[2:]]
        ray_sweep.run_phase(work, "best", there, settings, files)
        merge(work.paths("best"), folder / "merged.parquet")
        files.append(ray.put([("merged.parquet", (folder / "merged.parquet").read_bytes())]))
        ray_sweep.run_phase(work, "rows", [*there, "--best", "merged.parquet"], settings, files)
        return work.paths("rows")

    ray.init(num_cpus=at_once, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        times = {plain: [], by_ray: []}
        for turn in range(-1, rounds):
            for how, seconds in times.items():
                folder = base / f"{how.__name__}-{turn}"
                folder.mkdir()
                begun = time.monotonic()
                shards = how(folder)
                seconds.append(time.monotonic() - begun)
                assert len(shards) == of
            # The first turn starts the workers.
            if turn < 0:
                times = {plain: [], by_ray: []}
        ratios = [through / alone for alone, through in zip(times[plain], times[by_ray])]
        print(f"plain processes {statistics.median(times[plain]):.2f} s, through Ray {statistics.median(times[by_ray]):.2f} s")
        print(f"ratio {statistics.median(ratios):.3f} (median of {rounds}; {min(ratios):.3f} to {max(ratios):.3f})")
    finally:
        ray.shutdown()
        shutil.rmtree(base, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/liftsweep")
    parser.add_argument("--scenario", type=Path, default=ROOT / "configs/robustness.toml")
    parser.add_argument("--replicates", default="20000")
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--only", action="append", choices=FAULTS, help="this fault; may be given again [default: all]")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for a trial")
    parser.add_argument("--overhead", action="store_true", help="compare with plain processes; kill nothing")
    options = parser.parse_args()
    if options.overhead:
        return overhead(options)

    base = Path(tempfile.mkdtemp(prefix="check_ray-"))
    seen, failures, cluster = set(), 0, None
    # The nodes' orphans come to this process, so that none is overlooked (Linux).
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(36, 1)
    try:
        plain = [options.binary, "run", options.scenario, "--replicates", options.replicates, "--progress", "never"]
        subprocess.run([*plain, "--out", base / "plain"], check=True, capture_output=True)
        expected = fingerprints(base / "plain")
        for name, digits in expected.items():
            print(f"{digits}  {name}")
        for fault in options.only or FAULTS:
            folder = base / fault
            folder.mkdir()
            if fault == "local":
                if cluster:
                    cluster.shutdown()
                cluster = None
            elif cluster is None:
                cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
                cluster.add_node(num_cpus=1)
                cluster.wait_for_nodes()
            trial = Trial(options, folder, cluster)
            begun = time.monotonic()
            try:
                told = trial.run(fault)
                if fingerprints(trial.out) != expected:
                    raise RuntimeError("other bytes")
                if (folder / ".out.shards").exists():
                    raise RuntimeError("shards were left")
                told = ", ".join(filter(None, ["the same bytes", told]))
            except (RuntimeError, OSError, psutil.Error) as error:
                told, failures = f"FAILED: {error}\n{(folder / 'log').read_text()}", failures + 1
            seen |= trial.seen
            print(f"{FAULTS[fault]:64} {time.monotonic() - begun:4.0f} s  {told}", flush=True)
    finally:
        if cluster:
            cluster.shutdown()
        shutil.rmtree(base, ignore_errors=True)
    seen.update(psutil.Process().children(recursive=True))
    # Agents of Ray whose cluster was killed call for it about a minute before they give up.
    _, left = psutil.wait_procs(list(seen), timeout=120.0)
    left = [process for process in left if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    print(f"{len(seen)} processes seen, {len(left)} of them left: {[process.pid for process in left]}")
    sys.exit(bool(failures or left))


if __name__ == "__main__":
    main()
