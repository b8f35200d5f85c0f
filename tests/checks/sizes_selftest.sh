#!/bin/sh
# Shows that sizes.py can fail: it passes a small tree whose sizes are just within the limits, and
# finds each thing that is added to the tree and is too large.
#   sh tests/checks/sizes_selftest.sh
# Exits with 77 if universal-ctags is not installed.
set -eu
[ $# -eq 0 ] || {
  echo "sizes_selftest.sh: unknown argument '$1'; usage: sizes_selftest.sh" >&2
  exit 2
}
sizes=$(dirname "$0")/sizes.py
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
for folder in libpatio actors apps tests examples; do mkdir "$tree/$folder"; done

# many COUNT TEXT: prints COUNT lines of TEXT, with # replaced by the number of the line.
many() { seq "$1" | sed "s|.*|$(printf '%s\n' "$2" | sed 's/#/\&/g')|"; }
# class HEAD FIELDS FUNCTIONS
class() {
  echo "$1 {"
  many "$2" '  int field#_ = 1;'
  many "$3" '  void function#(int n) const;'
  echo '};'
}
# body HEAD LINES: prints a function with so many lines between its braces.
body() {
  echo "$1 {"
  many "$2" '  call(#);'
  echo '}'
}

{
  class 'class within' 15 30
  many 30 'void within::function#(int n) const { use(n); }'
  class 'struct statics' 15 1 | sed '$d'
  many 5 '  static constexpr int static# = 1;'
  echo '};'
  class 'struct options' 40 0
  echo 'namespace patio {'
  class 'class value' 15 60
  echo '}'
} >"$tree/libpatio/classes.hpp"
body 'int f()' 38 >"$tree/apps/function.cpp"
body 'TEST_CASE("a name, of a test")' 38 >"$tree/tests/test.cpp"
many 350 '// line #' >"$tree/examples/file.cpp"
status=0
python3 "$sizes" "$tree" || status=$?
[ "$status" -ne 77 ] || exit 77
[ "$status" -eq 0 ] || {
  echo "sizes_selftest.sh: sizes.py refused a tree within the limits" >&2
  exit 1
}

bad=0
# plant FILE TEXT WORDS: sizes.py must name the file, say WORDS, and name nothing else.
plant() {
  printf '%s\n' "$2" >"$tree/$1"
  said=$(python3 "$sizes" "$tree") && said=
  rm "$tree/$1"
  case $said in
  *:*:*:*) ;; # two findings
  "$1:"*"$3"*) return ;;
  esac
  echo "sizes_selftest.sh: not found in $1, or not alone ($3): $said" >&2
  bad=1
}
plant tests/bad.hpp "$(many 351 '// line #')" 'the file has 351 lines'
plant libpatio/bad.cpp "$(body 'int f()' 39)" 'f() has 41 lines'
plant apps/bad.cpp "$(body 'auto a::f(int n) const -> b<int>' 39)" 'f() has 41 lines'
plant apps/bad.hpp "$(body 'template <class T> requires c<T> a<T>::a(T t) : t_{t}' 39)" \
  'a() has 41 lines'
plant actors/bad.hpp "class a { $(body 'int f() const' 39) };" 'f() has 41 lines'
plant tests/bad.cpp "$(body 'TEST_CASE("a: b, c")' 39)" 'test_case() has 41 lines'
plant examples/bad.cpp "void f() {
$(body 'auto g = [&](int n)' 38);
}" 'f() has 42 lines'
plant actors/bad.hpp "$(class 'class a' 0 31)" 'class a has 31 member functions'
plant actors/bad.hpp "$(class 'struct a::b : public c' 1 31)" 'struct b has 31 member functions'
plant apps/bad.hpp "$(class 'class a final' 16 1)" 'class a has 16 data fields'
plant apps/bad.hpp "struct a { a() = default; $(many 8 'int a#, *b#;') };" \
  'struct a has 16 data fields'
plant libpatio/bad.hpp "namespace other { $(class 'class value' 0 31) }" \
  'class value has 31 member functions'
exit $bad
