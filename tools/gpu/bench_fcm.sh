#!/usr/bin/env bash
# Measures the fused modules on a machine with a GPU beside cuDNN's convolutions and ours unfused:
# OUTPUT/fcm.json and the table it was printed as. Options choose among the pairs, batches and types
# and may ask for more tiles, for energy or for an end in time:
#   tools/gpu/bench_fcm.sh build/release/bin out --layer peers --candidates 40 --budget 500
if [ $# -lt 2 ] || [ ! -x "$1/convoy-bench" ]; then
  echo "usage: tools/gpu/bench_fcm.sh BINARIES OUTPUT [convoy-bench option...]" >&2
  echo "BINARIES: the folder that convoy-bench was built or carried into" >&2
  exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
binaries=$(cd "$1" && pwd)
mkdir -p "$2"
output=$(cd "$2" && pwd)
shift 2
export LD_LIBRARY_PATH=$binaries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
set -o pipefail
"$binaries/convoy-bench" fcm --device cuda --shapes "$root/bench/shapes/fcm.txt" --peers cudnn \
  --json "$output/fcm.json" "$@" | tee "$output/fcm.txt" || exit 1
# Rows that are wrong have no time; that there are some is a failure all the same.
! grep -E ' wrong: |device is lost' "$output/fcm.txt" >&2
