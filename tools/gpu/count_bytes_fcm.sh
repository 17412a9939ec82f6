#!/usr/bin/env bash
# Counts the bytes that the fused modules, cuDNN's convolutions and ours unfused move to and from the
# L2 and the device memory, with Nsight Compute: OUTPUT/counted.json, the rows with
# l2_moved_bytes, dram_read_bytes and dram_write_bytes. Where OUTPUT/fcm.json is there
# (bench_fcm.sh), its rows of the same kernels get them, too.
# Each row runs once from an L2 that holds none of its operands; between the kernels of one row the
# L2 is left alone, so that what fits stays there as it does in use.
programs=(convoy-bench)
source "$(dirname "${BASH_SOURCE[0]}")/places.sh" "$@"
ncu=$(command -v ncu || ls /usr/local/cuda/bin/ncu /opt/nvidia/nsight-compute/*/ncu 2>/dev/null | tail -n 1)
if [ -z "$ncu" ]; then
  echo "Nsight Compute (ncu) is not installed" >&2
  exit 1
fi
"$ncu" --profile-from-start off --clock-control none --cache-control none --csv --page raw \
  --print-units base --log-file "$output/ncu.csv" \
  --metrics dram__bytes_read.sum,dram__bytes_write.sum,lts__t_bytes.sum,l1tex__m_xbar2l1tex_read_bytes.sum,l1tex__m_l1tex2xbar_write_bytes.sum \
  "$binaries/convoy-bench" fcm --device cuda --shapes "$root/bench/shapes/fcm.txt" --peers cudnn \
  --once --json "$output/counted.json" "${options[@]}" >"$output/counted.txt" || {
  tail -n 20 "$output/counted.txt" "$output/ncu.csv" >&2
  exit 1
}
timed=()
[ -f "$output/fcm.json" ] && timed=("$output/fcm.json")
python3 "$root/tools/gpu/join_bytes_fcm.py" "$output/ncu.csv" "$output/counted.json" "${timed[@]}"
