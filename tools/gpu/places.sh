# Sourced by the scripts beside it, with their arguments: BINARIES OUTPUT [option...]. Sets `root`,
# `binaries`, `output`, which it makes, and `options`; libraries that were carried along lie beside
# the binaries. `programs` are those that have to be there; `most` arguments are taken, if it is set.
# Ends the script with what is wrong.
places_are_there() {
  local program
  [ $# -ge 2 ] && [ $# -le "${most:-$#}" ] || return 1
  for program in "${programs[@]}"; do
    [ -x "$1/$program" ] || return 1
  done
}
if ! places_are_there "$@"; then
  echo "usage: tools/gpu/$(basename "$0") BINARIES OUTPUT$([ -n "$most" ] || echo ' [convoy-bench option...]')" >&2
  echo "BINARIES: the folder into which ${programs[*]} came by a build or by copying" >&2
  echo "OUTPUT: takes what is measured, counted or logged" >&2
  exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
binaries=$(cd "$1" && pwd)
mkdir -p "$2" || exit 2
output=$(cd "$2" && pwd)
options=("${@:3}")
export LD_LIBRARY_PATH=$binaries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
