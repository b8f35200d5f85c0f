#!/bin/sh
# Builds everything and runs every test. Arguments go to ctest, e.g. `sh tests/run.sh -L interop`.
# One CTest summary covers two trees. `release` is built with g++. `asan` is built with clang and
# holds the parts that need no CAF, under the sanitizers and the fuzzers. The unit tests are built
# once, for `asan`.
set -eu
usage='usage: run.sh [CTEST_OPTION...], e.g. run.sh -L interop'
# ctest ignores an option that it does not know and runs every test, so the first one is checked.
case ${1:-} in
'' | -[EFILNQRUVj]* | --label-* | --tests-* | --exclude-regex | --fixture-* | --repeat* | \
  --rerun-failed | --schedule-random | --show-only* | --stop-on-failure | --timeout | \
  --parallel | --verbose | --extra-verbose | --output-* | --print-labels) ;;
-h | --help) echo "$usage"; exit 0 ;;
*) echo "run.sh: unknown argument '$1'; $usage" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
# The releases of Python patio and of its plugins that the tests run against.
peers='patio==0.1.4 patio-rabbitmq==0.1.1 patio-redis==0.1.1'

sh apps/packages.sh build tests

# Prints the path of an interpreter that has the peers. Makes its venv first if there is none.
# shellcheck disable=SC2086 # each peer is a word of its own
python_with_peers() {
  python=$PWD/build/venv/bin/python
  check='import importlib.metadata, sys
for name, wanted in (peer.split("==") for peer in sys.argv[1:]):
    if importlib.metadata.version(name) != wanted: sys.exit(1)'
  if ! "$python" -c "$check" $peers 2>/dev/null; then
    python3 -m venv --clear build/venv >&2 || return
    "$python" -m pip install --quiet --disable-pip-version-check $peers >&2 || return
  fi
  echo "$python"
}

if ! python=$(python_with_peers); then
  echo "run.sh: cannot install $peers from PyPI with python3 (reason above)" >&2
  [ -z "${CI:-}" ] || exit 1
  echo "run.sh: the interop and engines tests will be reported as skipped" >&2
  python=
fi

fuzz_seconds=10
[ -z "${CI:-}" ] || fuzz_seconds=60
cmake --preset asan -DPATIO_FUZZ_SECONDS=$fuzz_seconds
cmake --build --preset asan
cmake --preset release -DPATIO_PYTHON="$python" -DPATIO_UNIT_TESTS=OFF
cmake --build --preset release
echo 'subdirs(release asan)' >build/CTestTestfile.cmake
exec ctest --test-dir build --output-on-failure --no-tests=error --parallel 2 "$@"
