#!/usr/bin/env bash
# Measures the twelve im2win layers on a machine with a GPU beside cuDNN and cuBLAS, and the ablation:
# OUTPUT/im2win12.json, OUTPUT/ablation.json and the tables they were printed as.
programs=(convoy-bench)
source "$(dirname "${BASH_SOURCE[0]}")/places.sh" "$@"
set -o pipefail
status=0
shapes=$root/bench/shapes/im2win12.txt
"$binaries/convoy-bench" im2win12 --device cuda --shapes "$shapes" --peers cudnn,cublas \
  --seconds 0.05 --json "$output/im2win12.json" "${options[@]}" |
  tee "$output/im2win12.txt" || status=1
"$binaries/convoy-bench" im2win12 --device cuda --shapes "$shapes" --batch 128 --layout nchw \
  --ablation --seconds 0.05 --json "$output/ablation.json" "${options[@]}" |
  tee "$output/ablation.txt" || status=1
exit $status
