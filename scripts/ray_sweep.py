# /// script
# requires-python = ">=3.11"
# dependencies = ["ray[default]>=2.50,<3"]
# ///
"""Runs a scenario in shards on Ray: on this machine, or on a cluster. Scenario in, run folder out.

    cargo build --release
    uv run scripts/ray_sweep.py configs/robustness.toml --replicates 20000 --out results/robustness
    uv run scripts/ray_sweep.py s.toml --shards 400 --cpus 16 --address auto

The folder has the bytes that `liftsweep run` would have written. Workers need nothing but Ray, of the
version and with the Python of this process: the program and the scenario's files are sent to them. A table
with an absolute path is not sent; it has to lie there on every node. `--address` is that of a running
cluster (`auto` on one of its nodes); without it, a cluster of this machine alone is started and ended.

A shard is a task that runs one process, with as many threads as it has CPUs. A shard draws all random
numbers itself, so few shards with many CPUs (a shard a node, say) cost less than many with one. What is
lost with a process, a worker or a node is made again, `--retries` times; a shard that refuses its input
ends the sweep with its own message. Shards are written beside the run as they come (`.NAME.shards`): the
same command goes on from there, whatever ended the last one. This process never holds more than one shard.

Exit codes: 0 fine; 2 the input is wrong; 4 the machine, or the cluster, failed; 130 interrupted.
"""

import argparse
import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

# Ray would start its workers through `uv run` as well, and report its use.
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# The behaviour of later versions of Ray; nothing here asks for an accelerator.
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import ray

PROGRAM = "liftsweep"
# Where a node finds the scenario and its table, in the folder of a shard.
SENT_FILES = Path("files")
# Longer than any grid, so that its first shard is empty: what it asks for costs nothing to find out.
NONE_OF_IT = "1/4611686018427387904"
# A shard of the first phase holds every replicate, however few its configurations.
MOST_OF_FIRST_PHASE = 256


class Failed(Exception):
    """What ends the sweep: an exit code, and what to tell."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def refused(message):
    return Failed(2, f"error: {message}")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenario", type=Path, help="the scenario file")
    parser.add_argument("--out", type=Path, help="folder for the results [default: results/<name of the scenario>]")
    parser.add_argument("--address", help="of a Ray cluster; auto finds the one of this node [default: this machine]")
    parser.add_argument("--shards", type=positive, help="parts of the run [default: 4 for every shard that fits at once]")
    parser.add_argument("--best-shards", type=positive, help=f"parts of the first phase [default: as --shards, at most {MOST_OF_FIRST_PHASE}]")
    parser.add_argument("--cpus", type=positive, default=1, help="CPUs, and threads, of a shard [default: 1]")
    parser.add_argument("--memory", help="of a shard's process, such as 4GiB [default: liftsweep's]")
    parser.add_argument("--retries", type=natural, default=3, help="of a shard that was lost [default: 3]")
    parser.add_argument("--replicates", help="instead of the scenario's")
    parser.add_argument("--seed", help="instead of the scenario's")
    parser.add_argument("--force", action="store_true", help="replace an earlier run, and shards of other inputs")
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--binary", type=Path, default=root / "target/release" / PROGRAM, help="for the nodes' platform [default: target/release/liftsweep]")
    return parser.parse_args()


def natural(text):
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


# What runs on a node -----------------------------------------------------------------------------


def make(arguments, files):
    """Makes one shard, in a folder of its own: exit code, bytes, message.

    Raises ChildProcessError for what another try may mend: a process that was killed, a full disk.
    """
    # Ray's own folder of files (working_dir) is no place for them: where nodes share a machine, a node
    # that dies takes it from the others. What a killed worker left is cleared by the next shard.
    for left in Path(tempfile.gettempdir()).glob("liftsweep-shard-*"):
        owner = left.name.split("-")[2]
        if owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"liftsweep-shard-{os.getpid()}-") as folder:
        for reference in files:
            for name, content in ray.get(reference):
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return make_in(folder, arguments)


def make_in(folder, arguments):
    where = f"node {ray.util.get_node_ip_address()}"
    with tempfile.TemporaryFile() as errors:
        command = [f"./{PROGRAM}", *arguments, "--out", "-", "--die-with-stdin"]
        try:
            os.chmod(Path(folder, PROGRAM), 0o755)
            # Standard input stays open for as long as this worker lives, and the shard no longer.
            child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=folder)
        except OSError as error:
            raise ChildProcessError(f"{where}: {error}") from None
        try:
            made = child.stdout.read()
            code = child.wait()
        finally:
            child.kill()
            child.wait()
        errors.seek(0)
        message = errors.read().decode(errors="replace")
    if code == 0 or code in (1, 2, 3):
        return code, made if code == 0 else b"", message
    raise ChildProcessError(f"{where}: the shard's process ended with {code}\n{message}")


# What is kept ------------------------------------------------------------------------------------


def keep(path, content):
    """Writes a file whole or not at all, even if the power goes."""
    partial = path.with_name(f".{path.name}.partial")
    with open(partial, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def is_whole(path):
    """Whether a shard has the SHA-256 that it names: its own, with zeros in the place of the digits."""
    try:
        content = bytearray(path.read_bytes())
    except FileNotFoundError:
        return False
    # The digits follow the key as the second field of a Thrift structure: 64 bytes of text.
    found = list(re.finditer(rb"liftsweep\.sha256\x18\x40([0-9a-f]{64})", content))
    if not found:
        return False
    begin, end = found[-1].span(1)
    named = bytes(content[begin:end]).decode()
    content[begin:end] = b"0" * 64
    return hashlib.sha256(content).hexdigest() == named


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Work:
    """The folder of shards beside the run, and what they are shards of."""

    def __init__(self, folder, inputs, options):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.lock = open(folder / "lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise refused(f"{folder}: another sweep is writing here\n    fix: wait for it, or pass another --out") from None
        self.plan = folder / "plan.json"
        asked = {"rows": options.shards, "best": options.best_shards}
        # A plan without a shard is what a sweep left that was refused: nothing would be lost.
        begun = self.plan.exists() and any(folder.glob("*.parquet"))
        known = json.loads(self.plan.read_text()) if begun else None
        differing = []
        if known:
            was = known["inputs"] | {key: known["cut"][key] for key, value in asked.items() if value}
            now = inputs | {key: value for key, value in asked.items() if value}
            names = {"rows": "--shards", "best": "--best-shards"}
            differing = [names.get(key, key) for key in now if was.get(key) != now[key]]
        if differing and not options.force:
            raise refused(
                f"{folder}: holds shards made otherwise; changed since: {', '.join(differing)}\n"
                "    fix: pass --force to start anew, or another --out"
            )
        if differing:
            known = None
            for path in folder.glob("*.parquet"):
                path.unlink()
        self.inputs = inputs
        self.cut = known["cut"] if known else None

    def cut_into(self, cut):
        self.cut = cut
        keep(self.plan, json.dumps({"inputs": self.inputs, "cut": cut}, indent=2).encode())

    def path(self, phase, shard):
        return self.folder / f"{phase}-{shard}-of-{self.cut[phase]}.parquet"

    def paths(self, phase):
        return [self.path(phase, shard) for shard in range(1, self.cut[phase] + 1)]


# What the user sees ------------------------------------------------------------------------------


class Progress:
    """One line that is drawn over on a terminal; else a line every few seconds."""

    def __init__(self):
        self.terminal = sys.stderr.isatty()
        self.told = 0.0

    def show(self, phase, done, of, begun, made, last=False):
        now = time.monotonic()
        if not last and now - self.told < (0.2 if self.terminal else 5.0):
            return
        self.told = now
        left = ""
        if made and done < of:
            seconds = (now - begun) / made * (of - done)
            left = f", about {seconds:.0f} s left" if seconds < 100 else f", about {seconds / 60:.0f} min left"
        nodes = [node for node in ray.nodes() if node["Alive"]]
        cpus = sum(node["Resources"].get("CPU", 0) for node in nodes)
        what = {"best": "first phase", "rows": "rows"}[phase]
        line = f"{what}: {done} of {of} shards; {len(nodes)} node{'s' * (len(nodes) != 1)}, {cpus:.0f} CPUs{left}"
        if self.terminal:
            sys.stderr.write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}" + "\n" * last)
        else:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()


# The sweep ---------------------------------------------------------------------------------------


def slots(cpus):
    """How many shards the cluster can make at once."""
    return max(1, int(sum(node["Resources"].get("CPU", 0) // cpus for node in ray.nodes() if node["Alive"])))


def run_phase(work, phase, common, options, files):
    """Makes the shards that are not there yet. Few are on their way at a time; each is written and let go."""
    of = work.cut[phase]
    todo = [shard for shard in range(of, 0, -1) if not is_whole(work.path(phase, shard))]
    done, made, begun = of - len(todo), 0, time.monotonic()
    if done:
        print(f"{done} of {of} shards are there already", file=sys.stderr)
    task = ray.remote(make).options(
        num_cpus=options.cpus, max_retries=options.retries, retry_exceptions=[ChildProcessError], name=f"liftsweep {phase}"
    )
    progress, flying, room, looked = Progress(), {}, 0, float("-inf")
    try:
        while todo or flying:
            if time.monotonic() - looked > 5.0:
                # A cluster grows by what waits in it.
                room, looked = 2 * slots(options.cpus), time.monotonic()
            while todo and len(flying) < room:
                shard = todo.pop()
                part = [*common, "--phase", phase, "--shard", f"{shard}/{of}"]
                flying[task.remote(part, files)] = shard
            ready, _ = ray.wait(list(flying), num_returns=1, timeout=1.0)
            for reference in ready:
                shard = flying.pop(reference)
                keep(work.path(phase, shard), fetch(reference, f"shard {shard}/{of}", options))
                done, made = done + 1, made + 1
            ready = reference = None
            progress.show(phase, done, of, begun, made, last=done == of)
    finally:
        for reference in flying:
            with contextlib.suppress(Exception):
                ray.cancel(reference, force=True)


def fetch(reference, which, options):
    try:
        code, made, message = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise Failed(4, f"error: {which}, in {options.retries + 1} tries: {error.cause}") from None
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0]
        raise Failed(4, f"error: {which}, in {options.retries + 1} tries: {type(error).__name__}: {first}") from None
    if code:
        # The user knows the scenario by another name than the node does.
        message = message.replace(options.sent_scenario, str(options.scenario))
        raise Failed(code, f"{message.rstrip()}\n({which})")
    return made


def follow_parent():
    """Linux: a merge ends with this process, however that ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def merge(options, paths, out, *more, quiet=False):
    command = [options.binary, "merge", *paths, "--out", out, *more]
    done = subprocess.run(
        command, preexec_fn=follow_parent, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL if quiet else None
    )
    if done.returncode:
        raise Failed(done.returncode if done.returncode > 0 else 4, "")


def pack(options):
    """What is sent to the nodes: the program, and the scenario and its table as they lie to each other."""
    scenario = Path(os.path.abspath(options.scenario))
    files = [scenario]
    table = Path(tomllib.loads(scenario.read_text())["data"]["path"])
    if not table.is_absolute():
        files.append(Path(os.path.normpath(scenario.parent / table)))
    base = Path(os.path.commonpath([file.parent for file in files]))
    sent = [(str(SENT_FILES / file.relative_to(base)), file.read_bytes()) for file in files]
    sent.append((PROGRAM, options.binary.read_bytes()))
    return sent, sent[0][0], scenario.parent / table


def sweep(options):
    if not options.binary.is_file():
        raise refused(f"{options.binary}: no such program\n    fix: cargo build --release, or pass --binary")
    overrides = [word for key in ("replicates", "seed") if (value := getattr(options, key)) for word in (f"--{key}", value)]
    memory = ["--memory", options.memory] if options.memory else []
    # Says everything that is wrong with the scenario before anything is started, and whether there is a
    # first phase: rules are compared by their decision lifts.
    probe = [options.binary, "run", options.scenario, *overrides, *memory, "--progress", "never"]
    asked = subprocess.run([*probe, "--shard", NONE_OF_IT, "--out", "-"], capture_output=True, stdin=subprocess.DEVNULL)
    message = asked.stderr.decode(errors="replace")
    two_phases = "[E_BEST]" in message
    if asked.returncode and not two_phases:
        raise Failed(asked.returncode if asked.returncode > 0 else 4, message.rstrip())
    name = tomllib.loads(options.scenario.read_text())["name"]
    out = options.out or Path("results") / name
    if out.exists() and not options.force:
        raise refused(f"{out}: exists\n    fix: pass --force to replace it, or --out for another folder")

    sent, scenario, table = pack(options)
    options.sent_scenario = scenario
    inputs = {
        "program": sha256(options.binary),
        "scenario": sha256(options.scenario),
        "table": sha256(table),
        "--replicates": options.replicates,
        "--seed": options.seed,
    }
    work = Work(out.with_name(f".{out.name}.shards"), inputs, options)
    where = {"address": options.address or "local"}
    if not options.address:
        where["include_dashboard"] = False
    try:
        ray.init(**where, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise Failed(4, f"error: Ray: {error}") from None
    try:
        if work.cut is None:
            rows = options.shards or 4 * slots(options.cpus)
            work.cut_into({"rows": rows, "best": options.best_shards or min(rows, MOST_OF_FIRST_PHASE)})
        if not any(node["Resources"].get("CPU", 0) >= options.cpus for node in ray.nodes() if node["Alive"]):
            print(f"no node has {options.cpus} CPUs yet: waiting for one (--cpus)", file=sys.stderr)
        files = [ray.put(sent)]
        common = ["run", scenario, *overrides, *memory, "--threads", str(options.cpus), "--progress", "never"]
        if two_phases:
            merged = work.folder / "merged.parquet"
            if not is_whole(merged):
                run_phase(work, "best", common, options, files)
                merge(options, work.paths("best"), merged, "--force", quiet=True)
            files.append(ray.put([(merged.name, merged.read_bytes())]))
            common += ["--best", merged.name]
        run_phase(work, "rows", common, options, files)
    finally:
        ray.shutdown()
    more = ["--scenario", options.scenario, *memory, *(["--force"] if options.force else [])]
    merge(options, work.paths("rows"), out, *more)
    shutil.rmtree(work.folder, ignore_errors=True)


def main():
    options = arguments()

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        sweep(options)
    except Failed as failure:
        if str(failure):
            print(failure, file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        print("interrupted; the shards made so far are kept: the same command goes on", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
