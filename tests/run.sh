#!/bin/sh
# Builds everything and runs every test; arguments go to ctest, e.g. `sh tests/run.sh -L interop`.
# One CTest summary covers two trees: `release`, and `asan` with the parts that need no CAF under the sanitizers and fuzzed, where
# clang builds what g++ builds for the other. The unit tests are built once, for `asan`.
set -eu
cd "$(dirname "$0")/.."
peer=patio==0.1.4 # Python patio, the peer that the interop tests run against

sh apps/packages.sh build tests

# Prints the interpreter that has the peer, making its venv first if need be.
python_with_peer() {
  python=$PWD/build/venv/bin/python
  if ! "$python" -c "import importlib.metadata as m; raise SystemExit('patio==' + m.version('patio') != '$peer')" 2>/dev/null; then
    python3 -m venv --clear build/venv >&2 && "$python" -m pip install --quiet --disable-pip-version-check "$peer" >&2 || return
  fi
  echo "$python"
}

if ! python=$(python_with_peer); then
  echo "run.sh: cannot install $peer from PyPI with python3 (reason above)" >&2
  [ -z "${CI:-}" ] || exit 1
  echo "run.sh: the interop tests will be reported as skipped" >&2
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
