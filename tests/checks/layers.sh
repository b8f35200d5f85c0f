#!/bin/sh
# Fails, naming file and line, where a source breaks a rule that no compiler knows:
# includes point one way (apps, examples -> actors -> libpatio), libpatio has no I/O and no clock, tests do not sleep.
#   sh tests/checks/layers.sh [TREE]
set -eu
cd "${1:-$(dirname "$0")/../..}"
broken=0

# deny RULE REGEX FOLDER...: no source in the folders may have a line that matches.
deny() {
  rule=$1 regex=$2
  shift 2
  for folder; do
    [ -d "$folder" ] || { echo "layers.sh: there is no folder $folder in $PWD" >&2; exit 2; }
  done
  if grep -rnE --include='*.[ch]pp' --include='*.py' --include='*.sh' --exclude-dir=checks "$regex" "$@"; then
    echo "^ $rule" >&2
    broken=1
  fi
}

include='^ *# *include *[<"]'
threads='(thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|pthread\.h)[>"]'
system='((sys|netinet|arpa|net)/|(netdb|poll|unistd|fcntl|signal|time)\.h|(ctime|csignal|iostream|fstream|filesystem)[>"])'

deny "libpatio knows no CAF and no actors" "$include(caf/|patio/actors/)" libpatio
deny "libpatio has no threads" "$include$threads|std::this_thread" libpatio
deny "libpatio has no sockets, files or signals" "$include$system" libpatio
deny "libpatio has no clock: time comes in as an argument" '_clock::now|clock_gettime|gettimeofday|std::time *\(' libpatio
deny "apps and examples are not included from below" "$include([.][.]/)*(apps|examples)/" libpatio actors
deny "include through the include path, not around it" "$include[.][.]/" libpatio actors apps examples
sleeps='sleep_(for|until)|\bu?(nano)?sleep *\([^)]*\) *;|^ *sleep [0-9$"]'
naps='\btime\.sleep|from time import.*sleep|asyncio\.sleep\((0?\.|[1-9])'
deny "tests wait for an event, not for time to pass" "$sleeps|$naps" tests

exit $broken
