#!/bin/sh
# Shows that layers.sh can fail: it passes a small clean tree, and finds each single bad line added
# to the tree.
#   sh tests/checks/layers_selftest.sh
set -eu
[ $# -eq 0 ] || {
  echo "layers_selftest.sh: unknown argument '$1'; usage: layers_selftest.sh" >&2
  exit 2
}
layers=$(dirname "$0")/layers.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
for folder in base value convert pickle tls functions protocol mesh; do
  mkdir -p "$tree/libpatio/patio/$folder"
done
for folder in os caf pool broker client; do mkdir -p "$tree/actors/patio/actors/$folder"; done
mkdir -p "$tree/apps" "$tree/examples" "$tree/tests/libpatio"

here=$(dirname "$0")/../..
cp "$here"/libpatio/patio/*.hpp "$tree/libpatio/patio"
cp "$here"/actors/patio/*.hpp "$tree/actors/patio"
# write FILE LINE...
write() {
  file=$tree/$1
  shift
  printf '%s\n' "$@" >"$file"
}
write libpatio/patio/protocol/clean.hpp '#include <chrono>' '#include <openssl/ssl.h>' \
  '#include <patio/base/time.hpp>' 'using clock = std::chrono::steady_clock;'
write actors/patio/actors/broker/clean.cpp '#include <caf/all.hpp>' '#include <thread>' \
  '#include <sys/socket.h>'
write apps/clean.cpp '#include <patio/actors/os/clean.hpp>' \
  'void wait() { std::this_thread::sleep_for(1s); }'
write examples/clean.cpp '#include <patio/patio.hpp>' '#include <patio/python_values.hpp>'
write tests/libpatio/clean.cpp 'rpc.add("sleep", nap);' 'call("sleep", 0.1);'
write tests/clean.py 'async def nap(seconds):' '    await asyncio.sleep(seconds)' \
  '    await asyncio.sleep(0)'
write tests/clean.sh 'patio call sleep 1 &'
sh "$layers" "$tree" || { echo "layers_selftest.sh: a clean tree was refused" >&2; exit 1; }

bad=0
while IFS='|' read -r file line; do
  mkdir -p "$tree/${file%/*}"
  printf '%s\n' "$line" >"$tree/$file"
  found=$(sh "$layers" "$tree" 2>/dev/null) && found=
  case $found in
  "$file:1:"*) ;;
  *) echo "layers_selftest.sh: not found in $file: $line" >&2; bad=1 ;;
  esac
  rm "$tree/$file"
done <<'LINES'
libpatio/patio/base/bad.hpp|#include <caf/all.hpp>
libpatio/patio/mesh/bad.cpp|#include "caf/error.hpp"
libpatio/patio/mesh/bad.hpp|#  include <patio/actors/os/log.hpp>
libpatio/patio/base/bad.hpp|#include <patio/value/value.hpp>
libpatio/patio/convert/bad.hpp|#include <patio/pickle/pickle.hpp>
libpatio/patio/protocol/bad.cpp|#include "patio/mesh/node.hpp"
libpatio/patio/protocol/bad.hpp|#include <patio/tls/tls.hpp>
libpatio/patio/mesh/bad.hpp|#include <patio/core.hpp>
libpatio/patio/extra/bad.hpp|#include <patio/base/time.hpp>
actors/patio/actors/os/bad.cpp|#include <patio/actors/caf/system.hpp>
actors/patio/actors/os/bad.hpp|#include <caf/send.hpp>
actors/patio/actors/pool/bad.hpp|#include <patio/actors/broker/tcp_broker.hpp>
actors/patio/actors/client/bad.cpp|#include <patio/actors/broker/tcp_broker.hpp>
examples/bad.cpp|#include <patio/actors/client/call.hpp>
libpatio/patio/value/value.hpp|namespace patio {
actors/patio/actors/client/call.hpp|namespace PATIO_INTERNAL_API patio {
libpatio/patio/base/bad.cpp|#include <thread>
libpatio/patio/base/bad.cpp|#include <mutex>
libpatio/patio/base/bad.cpp|#include <condition_variable>
libpatio/patio/base/bad.cpp|  std::this_thread::yield();
libpatio/patio/tls/bad.cpp|#include <sys/socket.h>
libpatio/patio/tls/bad.cpp|#include <netinet/in.h>
libpatio/patio/base/bad.cpp|#include <unistd.h>
libpatio/patio/base/bad.cpp|#include <fstream>
libpatio/patio/mesh/bad.cpp|  auto t = std::chrono::steady_clock::now();
libpatio/patio/mesh/bad.cpp|  auto t = std::time(nullptr);
libpatio/patio/mesh/bad.cpp|  clock_gettime(CLOCK_MONOTONIC, &t);
libpatio/patio/base/bad.cpp|#include "../../apps/command.hpp"
actors/patio/actors/broker/bad.cpp|#include <apps/command.hpp>
actors/patio/actors/broker/bad.hpp|#include <examples/kv.hpp>
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
