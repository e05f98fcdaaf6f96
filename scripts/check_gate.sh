#!/bin/sh
# Makes a small run in a folder of its own and shows that a shell tells the four outcomes of a gate apart:
# 0 passes, 1 fails, 2 is no gate, 3 is inconclusive. Fails where one comes out otherwise.
#
#     sh scripts/check_gate.sh target/release/liftsweep
set -eu
liftsweep=$(cd "$(dirname "${1:?name the program}")" && pwd)/$(basename "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >gates.csv <<'END'
channel,spend,conversions
A,500,40
B,300,45
C,200,9
END
cat >gates.toml <<'END'
name = "gates"
seed = 42
[data]
path = "gates.csv"
channel = "channel"
spend = "spend"
conversions = "conversions"
[grid]
alpha = [1.0]
delta = [1.0]
[run]
replicates = 400
END
"$liftsweep" run gates.toml --out gates-run --quiet --progress never

# What the run has found, and how well it is known.
column() {
  awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i } NR == 2 { print $at }' \
    gates-run/configurations.csv
}
mean=$(column decision_mean)

failures=0
outcome() { # what, expected code, metric, least value
  cp gates.toml gate.toml
  printf '[[gate]]\nmetric = "%s"\nat_least = %s\n' "$3" "$4" >>gate.toml
  code=0
  "$liftsweep" gate gates-run --scenario gate.toml >gate.txt 2>&1 || code=$?
  if [ "$code" -eq "$2" ]; then
    echo "$1: $code, as it should"
  else
    echo "$1: $code, and not $2"
    cat gate.txt
    failures=1
  fi
}
outcome "passes" 0 decision_mean -1.0
outcome "fails" 1 decision_mean 1.0
outcome "is no gate" 2 decision_men 0.0
outcome "is inconclusive" 3 decision_mean "$mean"
exit "$failures"
