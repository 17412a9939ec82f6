#!/usr/bin/env bash
# The cost model of the fused modules against a GPU: OUTPUT/planner.json, every measured tile with
# what was predicted of it, and OUTPUT/counted.json, the chosen tile of each problem with the bytes
# that Nsight Compute counted; then what they say together.
# Each counted kernel runs once from an L2 that holds none of its operands. More is counted than one pass
# of the profiler can: what it puts back between passes leaves L2 full of lines to be written.
programs=(convoy-bench)
source "$(dirname "${BASH_SOURCE[0]}")/places.sh" "$@"
suite=("$binaries/convoy-bench" planner --device cuda --shapes "$root/bench/shapes/fcm.txt" "${options[@]}")
"${suite[@]}" --json "$output/planner.json" >"$output/planner.txt" || {
  tail -n 20 "$output/planner.txt" >&2
  exit 1
}
ncu=$(command -v ncu || ls /usr/local/cuda/bin/ncu /opt/nvidia/nsight-compute/*/ncu 2>/dev/null | tail -n 1)
if [ -n "$ncu" ]; then
  "$ncu" --profile-from-start off --clock-control none --cache-control none --csv --page raw \
    --print-units base --log-file "$output/ncu.csv" \
    --metrics dram__bytes_read.sum,dram__bytes_write.sum,lts__t_bytes.sum,l1tex__m_xbar2l1tex_read_bytes.sum,l1tex__m_l1tex2xbar_write_bytes.sum,lts__t_sectors_srcunit_tex_op_read.sum,lts__t_sectors_srcunit_tex_op_write.sum \
    "${suite[@]}" --once --json "$output/counted.json" >"$output/counted.txt" || {
    tail -n 20 "$output/counted.txt" "$output/ncu.csv" >&2
    exit 1
  }
  python3 "$root/tools/gpu/join_bytes_fcm.py" "$output/ncu.csv" "$output/counted.json"
  python3 "$root/tools/gpu/planner_report.py" "$output/planner.json" "$output/counted.json"
else
  echo "Nsight Compute (ncu) is not installed: no bytes are counted" >&2
  python3 "$root/tools/gpu/planner_report.py" "$output/planner.json"
fi
