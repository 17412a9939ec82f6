#!/usr/bin/env bash
# Measures the twelve im2win layers on a machine with a GPU beside cuDNN and cuBLAS, and the ablation:
# OUTPUT/im2win12.json, OUTPUT/ablation.json and the tables they were printed as.
if [ $# -lt 2 ] || [ ! -x "$1/convoy-bench" ]; then
  echo "usage: tools/gpu/bench_im2win.sh BINARIES OUTPUT [convoy-bench option...]" >&2
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
status=0
shapes=$root/bench/shapes/im2win12.txt
"$binaries/convoy-bench" im2win12 --device cuda --shapes "$shapes" --peers cudnn,cublas \
  --seconds 0.05 --json "$output/im2win12.json" "$@" |
  tee "$output/im2win12.txt" || status=1
"$binaries/convoy-bench" im2win12 --device cuda --shapes "$shapes" --batch 128 --layout nchw \
  --ablation --seconds 0.05 --json "$output/ablation.json" "$@" |
  tee "$output/ablation.txt" || status=1
exit $status
