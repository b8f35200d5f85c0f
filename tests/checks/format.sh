#!/bin/sh
# Fails if clang-format would change a C++ file that git tracks.
# To mend: git ls-files '*.cpp' '*.hpp' | xargs clang-format -i
#   sh tests/checks/format.sh
set -eu
[ $# -eq 0 ] || { echo "format.sh: unknown argument '$1'; usage: format.sh" >&2; exit 2; }
cd "$(dirname "$0")/../.."
command -v clang-format >/dev/null || {
  echo "format.sh: install clang-format, e.g. with 'sh apps/packages.sh checks'" >&2
  exit 1
}
git ls-files -z '*.cpp' '*.hpp' | xargs -0 -r clang-format --dry-run -Werror --
