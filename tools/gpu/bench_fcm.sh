#!/usr/bin/env bash
# Measures the fused modules on a machine with a GPU beside cuDNN's convolutions and ours unfused:
# OUTPUT/fcm.json and the table it was printed as. Options choose among the pairs, batches and types
# and may ask for more tiles, for energy or for an end in time:
#   tools/gpu/bench_fcm.sh build/release/bin out --layer peers --candidates 40 --budget 500
programs=(convoy-bench)
source "$(dirname "${BASH_SOURCE[0]}")/places.sh" "$@"
set -o pipefail
"$binaries/convoy-bench" fcm --device cuda --shapes "$root/bench/shapes/fcm.txt" --peers cudnn \
  --json "$output/fcm.json" "${options[@]}" | tee "$output/fcm.txt" || exit 1
# Rows that are wrong have no time; that there are some is a failure all the same.
! grep -E ' wrong: |device is lost' "$output/fcm.txt" >&2
