#!/bin/sh
# Installs the Debian packages of the named groups that are missing. No other file names packages.
#   sh apps/packages.sh [build] [tests] [checks]
set -eu

build='cmake doctest-dev g++ libb2-dev libcaf-dev libcli11-dev libexpected-dev libspdlog-dev
  libssl-dev ninja-build nlohmann-json3-dev'
# universal-ctags: tests/checks/sizes.py takes the lengths of functions and classes from it.
tests='clang libclang-rt-dev openssl pkgconf python3 python3-venv rabbitmq-server redis-server
  universal-ctags valgrind'
checks='clang-format'

wanted=
for group; do
  case $group in
  build) wanted="$wanted $build" ;;
  tests) wanted="$wanted $tests" ;;
  checks) wanted="$wanted $checks" ;;
  *)
    echo "packages.sh: unknown group '$group'; usage: packages.sh [build] [tests] [checks]" >&2
    exit 2
    ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "packages.sh: installs nothing outside Debian and Ubuntu; the build needs what these" \
    "packages hold:" $wanted >&2
  exit 0
fi

missing=
for package in $wanted; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || :
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "packages.sh: run once as root: apt-get update && apt-get install" \
      "--no-install-recommends$missing" >&2
    exit 1
  fi
  sudo=sudo
fi
echo "Installing$missing"
$sudo apt-get update -q
# shellcheck disable=SC2086 # each package is a word of its own
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
