#!/usr/bin/env bash
# Cross-compiles the library for AArch64 and runs a sample of the kernel tests under emulation.
# usage: tools/aarch64.sh [FOLDER]    FOLDER receives the tests' reports (JUnit XML)
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
reports=${1:-$root/build/reports/aarch64}
sysroot=$root/build/aarch64-sysroot
build=$root/build/aarch64
mkdir -p "$reports"

install_debian tools/dependencies/aarch64-host.txt
install_cuda

# apt with an arm64 view of its own: the machine's package lists and architectures stay as they are.
apt_arm64() {
  local state=$root/build/aarch64-apt
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  "$@" -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root \
    -o Dir::State="$state" -o Dir::State::status=/dev/null -o Dir::Cache="$state/cache"
}

# The libraries, downloaded and unpacked beside the system rather than installed into it.
make_sysroot() {
  cmp -s tools/dependencies/aarch64-target.txt "$sysroot/packages.txt" && return
  say "downloading the libraries for AArch64"
  rm -rf "$sysroot"
  mkdir -p "$sysroot/archives"
  local packages=() names=()
  mapfile -t packages < <(grep -v '^#' tools/dependencies/aarch64-target.txt)
  names=("${packages[@]%%=*}")
  quietly aarch64-update apt_arm64 apt-get update
  cd "$sysroot/archives"
  if ! apt_arm64 apt-get download "${packages[@]}" >"$logs/aarch64-download.log" 2>&1; then
    say "a pinned version is no longer served; taking the current ones"
    quietly aarch64-download apt_arm64 apt-get download "${names[@]}"
  fi
  cd "$root"
  local archive
  for archive in "$sysroot"/archives/*.deb; do dpkg-deb -x "$archive" "$sysroot"; done
  cp tools/dependencies/aarch64-target.txt "$sysroot/packages.txt"
}

tests=(device_test kernels_conv_test kernels_elementwise_test kernels_reduce_test)
# Isa.EnvironmentLimits starts its own executable, which the kernel cannot without the emulator.
filter='Isa.*:Conv.EveryEpilogue:Activation.*:Binary.*:Reduce.*-Isa.EnvironmentLimits'

make_sysroot
say "configuring and building for AArch64"
quietly aarch64-configure cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DCMAKE_TOOLCHAIN_FILE="$root/cmake/aarch64-toolchain.cmake" \
  -DCONVOY_BUILD_CLI=OFF -DCONVOY_BUILD_BENCH=OFF -DCONVOY_WERROR=ON
quietly aarch64-build cmake --build "$build" -j "$(nproc)" --target convoy_core "${tests[@]}"

status=0
for test in "${tests[@]}"; do
  say "running $test under emulation"
  qemu-aarch64 -L /usr/aarch64-linux-gnu "$build/bin/$test" --gtest_brief=1 \
    --gtest_filter="$filter" --gtest_output="xml:$reports/$test.xml" || status=1
done
exit "$status"
