#!/bin/sh
# Shows in a fresh Debian, which has only the built packages and what they depend on, that they
# suffice: a program from outside the tree is built and runs, the command calls it, lintian finds no
# error, and purging the packages leaves nothing. Needs root, debootstrap and a Debian mirror.
#   sh tests/install/chroot.sh BUILD [BASE]
# BUILD is a build tree. BASE is a tree that debootstrap has made, and is copied; without it the
# script makes one.
set -eu
usage='usage: chroot.sh BUILD [BASE]'
case ${1:-} in -*) echo "chroot.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
build=$(cd "${1:?$usage}" && pwd) base=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" -eq 0 ] || { echo "chroot.sh: run it as root" >&2; exit 2; }
suite=bookworm
work=$(mktemp -d)
root=$work/root
finish() {
  umount "$root/proc" 2>/dev/null || :
  rm -rf "$work"
}
trap finish EXIT

step() { printf '\n== %s\n' "$*"; }
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }
# The state of the system: the packages and the files outside of what changes all the time.
state() {
  inside find / -xdev -not -path '/proc/*' -not -path '/tmp*' -not -path '/var/*' \
    -not -path '/etc/ld.so.cache' | LC_ALL=C sort
}

step "packages"
rm -f "$build"/packages/*.deb
(cd "$build" && cpack -B "$build/packages" >"$work/cpack" 2>&1) || { cat "$work/cpack"; exit 1; }
for package in "$build"/packages/*.deb; do
  dpkg-deb --field "$package" Package Version Depends
done
# A program's package must not depend on exactly this version.
dpkg-deb --info "$build"/packages/libpatio0_*.deb shlibs | tee "$work/shlibs"
if grep -v '(>= ' "$work/shlibs" || [ ! -s "$work/shlibs" ]; then
  echo "chroot.sh: shlibs must name this version or a later one" >&2
  exit 1
fi
if command -v lintian >/dev/null; then
  lintian --allow-root --fail-on error "$build"/packages/*.deb
else
  echo "skipped: no lintian"
fi

step "a fresh Debian"
if [ -n "$base" ]; then
  cp -a "$base" "$root"
else
  debootstrap --variant=minbase "$suite" "$root" >"$work/debootstrap" ||
    { cat "$work/debootstrap"; exit 1; }
fi
mount -t proc proc "$root/proc"
[ ! -f /etc/resolv.conf ] || cp -L /etc/resolv.conf "$root/etc/resolv.conf"
mkdir -p "$root/tmp/packages"
cp "$build"/packages/*.deb "$root/tmp/packages"
inside apt-get update -q >"$work/apt"
# The compiler is a user's own; the packages bring everything else.
inside apt-get install -q -y --no-install-recommends g++ cmake make pkg-config >>"$work/apt" 2>&1 ||
  { cat "$work/apt"; exit 1; }
state >"$work/before"

step "install"
inside sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
  /tmp/packages/*.deb' >"$work/install" 2>&1 || { cat "$work/install"; exit 1; }
inside dpkg-query -W libpatio0 libpatio-dev patio
inside patio --version

step "a program from outside the tree"
cp -r "$here/user" "$root/tmp/user"
inside cmake -S /tmp/user -B /tmp/user/build
inside cmake --build /tmp/user/build
inside sh -c 'g++ -std=c++20 /tmp/user/encode.cpp $(pkg-config --cflags --libs patio-core) \
  -o /tmp/user/encode && /tmp/user/encode'
cat >"$root/tmp/call.sh" <<'END'
set -eu
mkfifo /tmp/output
/tmp/user/build/serve 127.0.0.1:0 >/tmp/output &
server=$!
exec 3</tmp/output
read -r line <&3
echo "$line"
read -r line <&3
echo "$line"
echo "patio call add 6 7: $(PATIO_KEY=secret patio call add 6 7 --connect "${line#listening on }")"
kill "$server"
wait "$server"
END
inside sh /tmp/call.sh

step "purge"
inside sh -c 'DEBIAN_FRONTEND=noninteractive apt-get purge -q -y --autoremove \
  libpatio0 libpatio-dev patio' >"$work/purge" 2>&1 || { cat "$work/purge"; exit 1; }
state >"$work/after"
diff "$work/before" "$work/after" || { echo "chroot.sh: the purge leaves files" >&2; exit 1; }
echo "purged without a trace"
