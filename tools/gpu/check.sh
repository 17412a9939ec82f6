#!/usr/bin/env bash
# Checks the CUDA kernels on a machine with a GPU: every test, then a reduced set under
# compute-sanitizer: memcheck and racecheck, and for fused modules synccheck and initcheck as well.
# Fails when any of them does, or could not run.
programs=(gpu_test fused_gpu_test)
most=2
source "$(dirname "${BASH_SOURCE[0]}")/places.sh" "$@"
export CONVOY_SOURCE_DIR=$root
status=0

# step NAME COMMAND...: its log is OUTPUT/NAME.log. A test that skips has checked nothing.
step() {
  local name=$1 seconds=$SECONDS verdict=passed
  shift
  "$@" >"$output/$name.log" 2>&1 || verdict="failed ($?)"
  if [ "$verdict" = passed ] && grep -q '\[  SKIPPED \]' "$output/$name.log"; then
    verdict="skipped: $(grep -A 1 -m 1 'Skipped$' "$output/$name.log" | tail -n 1)"
  fi
  if [ "$verdict" = passed ] && ! grep -q '\[  PASSED  \] [1-9]' "$output/$name.log"; then
    verdict="ran no test"
  fi
  printf '%-15s %4d s  %s\n' "$name" $((SECONDS - seconds)) "$verdict"
  grep -E 'checked [0-9]+|random (convolutions|modules)|convolutions in|ERROR SUMMARY|RACECHECK SUMMARY' \
    "$output/$name.log" | cut -c 1-200 | sed 's/^/    /'
  if [ "$verdict" != passed ]; then
    grep -E 'Failure|FAILED|Error|^========= ' "$output/$name.log" | head -n 40 | sed 's/^/    /'
    status=1
  fi
}

step tests "$binaries/gpu_test"
step fused "$binaries/fused_gpu_test"

sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
if [ -z "$sanitizer" ]; then
  echo "compute-sanitizer is not installed" >&2
  exit 1
fi
# Of each module and type: one in the tile that is chosen, one in another.
for tool in memcheck racecheck synccheck initcheck; do
  CONVOY_GPU_GEOMETRIES=2 step "fused_$tool" "$sanitizer" --tool $tool --error-exitcode 1 \
    --kernel-name kernel_substring=fused_ "$binaries/fused_gpu_test" '--gtest_filter=*Random*'
done
export CONVOY_GPU_GEOMETRIES=${CONVOY_GPU_GEOMETRIES:-40}
step memcheck "$sanitizer" --tool memcheck --error-exitcode 1 \
  "$binaries/gpu_test" '--gtest_filter=*RandomConvolutions'
# Racecheck is some hundred times slower than the kernels.
export CONVOY_GPU_GEOMETRIES=4
# Races are looked for in our kernels, whose names all begin alike, not in cuBLAS's.
step racecheck "$sanitizer" --tool racecheck --error-exitcode 1 --kernel-name kernel_substring=conv_ \
  "$binaries/gpu_test" '--gtest_filter=*RandomConvolutions'
exit $status
