#!/bin/sh
# Runs the simulation studies of tests/experiments.rs in full and writes their tables below results/:
# coverage/coverage.csv (do nominal 90 % intervals cover?) and selection/selection.csv (do winners deliver
# what they promise?). A few minutes on two cores.
set -eu
cd "$(dirname "$0")/.."
LIFTSWEEP_EXPERIMENTS="$PWD/results" cargo test --release --test integration -- --ignored --nocapture in_full
