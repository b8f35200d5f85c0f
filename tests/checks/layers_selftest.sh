#!/bin/sh
# Shows that layers.sh can fail: a small clean tree passes, and each single bad line added to it is found.
set -eu
layers=$(dirname "$0")/layers.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/libpatio/patio" "$tree/actors/patio/actors" "$tree/apps" "$tree/examples" "$tree/tests/libpatio"

printf '#include <chrono>\n#include <openssl/ssl.h>\n#include <patio/value.hpp>\nusing clock = std::chrono::steady_clock;\n' \
  >"$tree/libpatio/patio/clean.hpp"
printf '#include <caf/all.hpp>\n#include <thread>\n#include <sys/socket.h>\n' >"$tree/actors/patio/actors/clean.cpp"
printf '#include <patio/actors/clean.hpp>\nvoid wait() { std::this_thread::sleep_for(1s); }\n' >"$tree/apps/clean.cpp"
printf 'rpc.add("sleep", nap);\ncall("sleep", 0.1);\n' >"$tree/tests/libpatio/clean.cpp"
printf 'async def nap(seconds):\n    await asyncio.sleep(seconds)\n    await asyncio.sleep(0)\n' >"$tree/tests/clean.py"
printf 'patio call sleep 1 &\n' >"$tree/tests/clean.sh"
sh "$layers" "$tree" || { echo "layers_selftest.sh: a clean tree was refused" >&2; exit 1; }

bad=0
while IFS='|' read -r file line; do
  printf '%s\n' "$line" >"$tree/$file"
  found=$(sh "$layers" "$tree" 2>/dev/null) && found=
  case $found in
  "$file:1:"*) ;;
  *) echo "layers_selftest.sh: not found in $file: $line" >&2; bad=1 ;;
  esac
  rm "$tree/$file"
done <<'LINES'
libpatio/patio/bad.hpp|#include <caf/all.hpp>
libpatio/patio/bad.cpp|#include "caf/error.hpp"
libpatio/patio/bad.hpp|#  include <patio/actors/broker.hpp>
libpatio/patio/bad.cpp|#include <thread>
libpatio/patio/bad.cpp|#include <mutex>
libpatio/patio/bad.cpp|#include <condition_variable>
libpatio/patio/bad.cpp|  std::this_thread::yield();
libpatio/patio/bad.cpp|#include <sys/socket.h>
libpatio/patio/bad.cpp|#include <netinet/in.h>
libpatio/patio/bad.cpp|#include <unistd.h>
libpatio/patio/bad.cpp|#include <fstream>
libpatio/patio/bad.cpp|  auto t = std::chrono::steady_clock::now();
libpatio/patio/bad.cpp|  auto t = std::time(nullptr);
libpatio/patio/bad.cpp|  clock_gettime(CLOCK_MONOTONIC, &t);
libpatio/patio/bad.cpp|#include "../../apps/command.hpp"
actors/patio/actors/bad.cpp|#include <apps/command.hpp>
actors/patio/actors/bad.hpp|#include <examples/kv.hpp>
examples/bad.cpp|#include "../libpatio/patio/value.hpp"
tests/libpatio/bad.cpp|  std::this_thread::sleep_for(10ms);
tests/libpatio/bad.cpp|  std::this_thread::sleep_until(then);
tests/libpatio/bad.cpp|  ::usleep(10);
tests/libpatio/bad.cpp|  nanosleep(&t, nullptr);
tests/libpatio/bad.cpp|  sleep(1);
tests/bad.py|    time.sleep(0.1)
tests/bad.py|from time import monotonic, sleep
tests/bad.py|    await asyncio.sleep(0.5)
tests/bad.sh|  sleep 1
LINES
exit $bad
