#!/bin/sh
# Fails, naming file and line, where a source breaks a rule that no compiler knows: a folder
# includes only what its line below allows, libpatio has no I/O and no clock, tests do not sleep.
#   sh tests/checks/layers.sh [TREE]
set -eu
case ${1:-} in -*) echo "layers.sh: unknown flag '$1'; usage: layers.sh [TREE]" >&2; exit 2 ;; esac
cd "${1:-$(dirname "$0")/../..}"
broken=0

# FOLDER: the other folders that it may include. PUBLIC: its headers that the public headers
# include. A folder names only folders above it in the list, so that no cycle can exist.
folders() {
  cat <<'END'
libpatio/patio/base:         ; PUBLIC:
libpatio/patio/value:        base ; PUBLIC: value.hpp error.hpp repr.hpp python_types.hpp
libpatio/patio/convert:      value base ; PUBLIC: convert.hpp python_values.hpp
libpatio/patio/pickle:       value base ; PUBLIC: pickle.hpp
libpatio/patio/tls:          value base ; PUBLIC:
libpatio/patio/functions:    convert value base ; PUBLIC: module_abi.hpp pack_arguments.hpp registry.hpp
libpatio/patio/protocol:     pickle convert value base ; PUBLIC: limit_table.hpp
libpatio/patio/mesh:         protocol tls functions pickle convert value base ; PUBLIC:
libpatio/patio/redis:        protocol functions pickle convert value base ; PUBLIC:
libpatio/patio/amqp:         protocol functions pickle convert value base ; PUBLIC:
actors/patio/actors/os:      libpatio ; PUBLIC: log.hpp memory_trimmer.hpp signals.hpp tls_files.hpp
actors/patio/actors/caf:     libpatio os ; PUBLIC: error.hpp system.hpp
actors/patio/actors/net:     libpatio os caf ; PUBLIC:
actors/patio/actors/pool:    libpatio os caf ; PUBLIC: actor_function.hpp executor.hpp executors.hpp process_pool.hpp worker_pool.hpp
actors/patio/actors/broker:  libpatio os caf net pool ; PUBLIC: memory_broker.hpp owned_broker.hpp rabbitmq_broker.hpp redis_broker.hpp tcp_broker.hpp
actors/patio/actors/client:  libpatio os caf pool ; PUBLIC: call.hpp remote_function.hpp
actors/patio/actors/service: libpatio os caf pool broker ; PUBLIC: service.hpp
END
}

# Prints FILE:LINE:INCLUDE for each include that violates the order, and each folder that is out of
# order.
against_the_order() {
  {
    folders
    echo
    grep -rnE --include='*.[ch]pp' '^ *# *include *[<"]patio/' libpatio/patio actors/patio || :
  } | awk '
    /^$/ { reading = 1; next }
    !reading {
      split($0, half, /[:;]/)
      folder = half[1]; short = folder; sub(/.*\//, "", short)
      count = split(half[2], names, " ")
      for (i = 1; i <= count; i++) {
        if (names[i] == "libpatio") { for (lower in in_libpatio) may[short, lower] = 1 }
        else if (!(names[i] in known))
          print folder ": may include " names[i] ", which is not above it"
        else may[short, names[i]] = 1
      }
      known[short] = 1; may[short, short] = 1
      if (folder ~ /^libpatio/) in_libpatio[short] = 1
      next
    }
    {
      file = $0; sub(/:.*/, "", file)
      from = file; sub(/\/[^\/]*$/, "", from)
      if (from == "libpatio/patio" || from == "actors/patio") next # the public headers
      sub(/.*\//, "", from)
      to = $0; sub(/.*[<"]patio\/(actors\/)?/, "", to); sub(/[>"].*/, "", to)
      if (to == "version.hpp") next # generated, includes nothing
      if (to !~ /\//) to = "a public header"
      sub(/\/.*/, "", to)
      if (!(from in known)) print $0 ": this folder is not in the list"
      else if (!((from, to) in may)) print $0 ": " from " may not include " to
    }'
}

# Prints each header that only the list or only a public header makes public.
public_by_one_only() {
  folders | sed 's|^[a-z]*/\([a-z/]*\):.*PUBLIC: *|\1 |' |
    awk '{ for (i = 2; i <= NF; i++) print $1 "/" $i }' | sort >"$scratch/listed"
  sed -n 's|^ *# *include *<\(patio/[^>]*\)>.*|\1|p' libpatio/patio/core.hpp \
    libpatio/patio/module.hpp libpatio/patio/python_values.hpp actors/patio/patio.hpp |
    grep -v '^patio/core.hpp$' | sort -u >"$scratch/included"
  comm -3 "$scratch/listed" "$scratch/included"
}

# Prints FILE:LINE:REASON for each public header that hides its names.
hidden_but_public() {
  folders | sed 's|^\([a-z/]*\):.*PUBLIC: *|\1 |' |
    awk '{ for (i = 2; i <= NF; i++) print $1 "/" $i }' | while read -r header; do
    [ ! -f "$header" ] || grep -q '^namespace PATIO_API patio {' "$header" ||
      echo "$header:1: opens no namespace PATIO_API patio"
  done
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for check in against_the_order public_by_one_only hidden_but_public; do
  $check >"$scratch/found"
  [ -s "$scratch/found" ] || continue
  cat "$scratch/found"
  case $check in
  against_the_order) echo "^ a folder includes only what its line in layers.sh allows" >&2 ;;
  hidden_but_public) echo "^ the shared libraries do not export what a public header declares" >&2 ;;
  *) echo "^ public by the list in layers.sh (left) or by a public header (right), not both" >&2 ;;
  esac
  broken=1
done

# deny RULE REGEX FOLDER...: no source in the folders may have a line that matches. The benchmarks in
# tests/bench are exempt, because they are not tests.
deny() {
  rule=$1 regex=$2
  shift 2
  for folder; do
    [ -d "$folder" ] || { echo "layers.sh: there is no folder $folder in $PWD" >&2; exit 2; }
  done
  if grep -rnE --include='*.[ch]pp' --include='*.py' --include='*.sh' --exclude-dir=checks \
    --exclude-dir=bench "$regex" "$@"; then
    echo "^ $rule" >&2
    broken=1
  fi
}

include='^ *# *include *[<"]'
threads='(thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|pthread\.h)'
threads=$threads'[>"]'
system='((sys|netinet|arpa|net)/|(netdb|poll|unistd|fcntl|signal|time)\.h'
system=$system'|(ctime|csignal|iostream|fstream|filesystem)[>"])'

deny "libpatio knows no CAF and no actors" "$include(caf/|patio/actors/)" libpatio
deny "libpatio has no threads" "$include$threads|std::this_thread" libpatio
deny "libpatio has no sockets, files or signals" "$include$system" libpatio
deny "libpatio has no clock: time comes in as an argument" \
  '_clock::now|clock_gettime|gettimeofday|std::time *\(' libpatio
deny "os knows no CAF" "${include}caf/" actors/patio/actors/os
deny "apps and examples are not included from below" "$include([.][.]/)*(apps|examples)/" \
  libpatio actors
deny "include through the include path, not around it" "$include[.][.]/" \
  libpatio actors apps examples
deny "examples include what is public" "${include}patio/[a-z_]+/" examples
sleeps='sleep_(for|until)|\bu?(nano)?sleep *\([^)]*\) *;|^ *sleep [0-9$"]'
naps='\btime\.sleep|from time import.*sleep|asyncio\.sleep\((0?\.|[1-9])'
deny "tests wait for an event, not for time to pass" "$sleeps|$naps" tests

exit $broken
