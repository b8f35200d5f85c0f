#!/bin/sh
# Writes the manual pages of the command and of each subcommand, from what they print for --help.
#   manual.sh COMMAND FOLDER
set -eu
usage='usage: manual.sh COMMAND FOLDER'
case ${1:-} in -*) echo "manual.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
command=${1:?$usage} folder=${2:?$usage}
here=$(dirname "$0")
version=$("$command" --version)
rm -rf "$folder"
mkdir -p "$folder"

# subcommands WORD...: the names that the help of `patio WORD...` lists.
subcommands() {
  "$command" "$@" --help | sed -n '/^Subcommands:$/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'
}

# page WORD...: writes the page of `patio WORD...`, then the pages of its subcommands.
page() (
  name=$(echo patio "$@" | tr ' ' -)
  "$command" "$@" --help |
    awk -v name="$name" -v version="$version" -f "$here/manual.awk" |
    gzip -9n >"$folder/$name.1.gz"
  for subcommand in $(subcommands "$@"); do page "$@" "$subcommand"; done
)

page
