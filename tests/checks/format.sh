#!/bin/sh
# Fails if clang-format would change a C++ file that git tracks. To mend: git ls-files '*.cpp' '*.hpp' | xargs clang-format -i
set -eu
cd "$(dirname "$0")/../.."
command -v clang-format >/dev/null || { echo "format.sh: install clang-format, e.g. by 'sh apps/packages.sh checks'" >&2; exit 1; }
git ls-files -z '*.cpp' '*.hpp' | xargs -0 -r clang-format --dry-run -Werror --
