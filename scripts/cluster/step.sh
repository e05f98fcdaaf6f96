#!/usr/bin/env bash
# One step of a run in shards, for any scheduler that starts processes and shares a folder:
#
#     step.sh best       SCENARIO OUT SHARDS SHARD     each SHARD from 1 to SHARDS
#     step.sh merge-best SCENARIO OUT SHARDS           when all of them are done
#     step.sh rows       SCENARIO OUT SHARDS SHARD     each, again
#     step.sh merge      SCENARIO OUT SHARDS           when all of them are done: writes OUT
#
# Shards lie in OUT.shards. A shard is whole or not there, and one that is there is not made again, so steps
# may be repeated. LIFTSWEEP names the program, THREADS the threads of a shard (default: all cores).
set -euo pipefail
step=$1 scenario=$2 out=$3 shards=$4 shard=${5:-}
liftsweep=${LIFTSWEEP:-liftsweep}
folder=$out.shards
mkdir -p "$folder"
paths() { for ((i = 1; i <= shards; i++)); do printf '%s\n' "$folder/$1-$i.parquet"; done; }
make() {
    file=$folder/$step-${shard:?}.parquet
    if [ -e "$file" ]; then echo "$file is there"; return; fi
    "$liftsweep" run "$scenario" --shard "$shard/$shards" --phase "$step" --out "$file" \
        --progress plain ${THREADS:+--threads "$THREADS"} "$@"
}
case $step in
best) make ;;
merge-best) mapfile -t all < <(paths best); "$liftsweep" merge "${all[@]}" --out "$folder/merged.parquet" --force ;;
rows) make --best "$folder/merged.parquet" ;;
merge)
    mapfile -t all < <(paths rows)
    "$liftsweep" merge "${all[@]}" --scenario "$scenario" --out "$out"
    rm -r "$folder"
    ;;
*) echo "step.sh: best, merge-best, rows or merge, not $step" >&2; exit 2 ;;
esac
