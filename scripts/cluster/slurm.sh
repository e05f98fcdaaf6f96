#!/usr/bin/env bash
# A run as Slurm job arrays, in a folder that all nodes share:
#
#     scripts/cluster/slurm.sh SCENARIO.toml OUT SHARDS [option of sbatch...]
#     scripts/cluster/slurm.sh configs/robustness.toml results/robustness 64 --cpus-per-task=16 --time=1:00:00
#
# Submits four jobs, each waiting for the one before. After a failure run it again: shards that are there are
# not made again. An array has at most MaxArraySize tasks (1,001, unless the site has set it).
#
# Tried on slurm-wlm 22.05, one node: results had the bytes of `liftsweep run`; with a shard killed by -9, after
# the same command again.
set -euo pipefail
if [ "${1:-}" = --job ]; then
    shift
    THREADS=${SLURM_CPUS_PER_TASK:-1} exec bash "$STEP" "$@" ${SLURM_ARRAY_TASK_ID:+"$SLURM_ARRAY_TASK_ID"}
fi
scenario=$1 out=$2 shards=$3
shift 3
STEP=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/step.sh
export STEP
submit() {
    local step=$1
    shift
    sbatch --parsable --job-name="liftsweep-$step" "$@" "${BASH_SOURCE[0]}" --job "$step" "$scenario" "$out" "$shards"
}
best=$(submit best --array="1-$shards" "$@")
merged=$(submit merge-best --dependency="afterok:$best" --kill-on-invalid-dep=yes "$@")
rows=$(submit rows --array="1-$shards" --dependency="afterok:$merged" --kill-on-invalid-dep=yes "$@")
submit merge --dependency="afterok:$rows" --kill-on-invalid-dep=yes "$@"
