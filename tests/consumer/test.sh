#!/usr/bin/env bash
# Installs the build, then builds and runs users' programs against it: through find_package and
# through pkg-config. Also: only the C ABI is exported, under a versioned name.
#   test.sh BUILD-DIRECTORY SOURCE-DIRECTORY
set -euo pipefail
build=$1 source=$2
work=$build/consumer
rm -rf "$work"
cmake --install "$build" --prefix "$work/prefix" >/dev/null

cmake -S "$source/tests/consumer" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DEXAMPLES="$source/examples" >/dev/null
cmake --build "$work/build" >/dev/null
"$work/build/consumer_cpp"
"$work/build/consumer_c"

export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name convoy.pc)")
libdir=$(pkg-config --variable=libdir convoy)
# shellcheck disable=SC2046
cc "$source/examples/conv2d.c" -o "$work/pkg" $(pkg-config --cflags --libs convoy) -Wl,-rpath,"$libdir"
"$work/pkg"

library=$libdir/libconvoy.so
readelf -d "$library" | grep -q 'SONAME.*libconvoy\.so\.[0-9]' || { echo "no versioned SONAME"; exit 1; }
foreign=$(nm -D --defined-only "$library" | awk '{print $3}' | grep -v '^convoy_' || true)
[ -z "$foreign" ] || { echo "exports more than the C ABI: $foreign"; exit 1; }
