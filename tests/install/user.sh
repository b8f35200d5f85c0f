#!/bin/sh
# Builds the project in user/ outside the tree and runs its programs.
#   sh tests/install/user.sh WAY PREFIX
# WAY says how the project finds patio: package (the CMake package in PREFIX), pkg-config (the
# modules in PREFIX), tarball (FetchContent of an archive of the last commit) or folder
# (add_subdirectory of the checkout). The last two build the library anew, so they take patio::core
# only.
set -eu
usage='usage: user.sh package|pkg-config|tarball|folder PREFIX'
case ${1:-} in -*) echo "user.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
way=${1:?$usage} prefix=${2:?$usage}
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
libraries=$(dirname "$(find "$prefix/lib" -name libpatio-core.so)")
warnings='-Wall -Wextra -Wpedantic -Wconversion -Werror'
work=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || :
  rm -rf "$work"
}
trap finish EXIT
cp -r "$here/user" "$work/user"

# ccache, if there is one, spares the second of two builds of the library.
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR="$work"
fi

# Our headers do not count as system headers, so that their warnings are seen.
with_cmake() {
  cmake -S "$work/user" -B "$work/build" -G Ninja -DCMAKE_NO_SYSTEM_FROM_IMPORTED=ON \
    -DUSER_OPTIONS="$(echo "$warnings" | tr ' ' ';')" "$@"
  cmake --build "$work/build" --parallel 2 --target user
}

with_pkg_config() {
  command -v pkg-config >/dev/null || { echo "skipped: no pkg-config"; exit 77; }
  mkdir "$work/build"
  for program in encode:patio-core serve:patio; do
    # shellcheck disable=SC2046,SC2086 # each flag is a word of its own
    "${CXX:-c++}" -std=c++20 $warnings "$work/user/${program%:*}.cpp" -o "$work/build/${program%:*}" \
      $(PKG_CONFIG_PATH=$libraries/pkgconfig pkg-config --cflags --libs "${program#*:}")
  done
}

# same WORD TEXT: fails if the TEXT is not what the WORD expects.
same() {
  [ "$1" = "$2" ] || { printf 'user.sh: expected "%s", got "%s"\n' "$1" "$2" >&2; exit 1; }
}

run_encode() {
  same "{'a': [1.0, 2.5]} is the same, 1 function, no second one" "$("$work/build/encode" | head -n 1)"
}

# The installed command calls the function that the program serves.
run_serve() {
  mkfifo "$work/output"
  "$work/build/serve" 127.0.0.1:0 >"$work/output" &
  server=$!
  exec 3<"$work/output"
  read -r line <&3
  same 'add(6, 7) is 13' "$line"
  read -r line <&3
  same 13 "$(PATIO_KEY=secret "$prefix/bin/patio" call add 6 7 --connect "${line#listening on }")"
  kill "$server"
  wait "$server"
  server=
}

export LD_LIBRARY_PATH="$libraries"
case $way in
package) with_cmake -DCMAKE_PREFIX_PATH="$prefix" ;;
pkg-config) with_pkg_config ;;
tarball)
  command -v git >/dev/null || { echo "skipped: no git"; exit 77; }
  git -C "$checkout" archive --prefix=patio/ -o "$work/patio.tar.gz" HEAD
  with_cmake -DPATIO_FROM=tarball -DPATIO_TARGETS=core -DPATIO_TARBALL="$work/patio.tar.gz"
  ;;
folder) with_cmake -DPATIO_FROM=folder -DPATIO_TARGETS=core -DPATIO_FOLDER="$checkout" ;;
*) echo "user.sh: unknown way '$way'; $usage" >&2; exit 2 ;;
esac
run_encode
[ ! -x "$work/build/serve" ] || run_serve
