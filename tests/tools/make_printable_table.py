"""Writes libpatio/patio/base/printable.cpp: the code points that str.isprintable() of CPython 3.11
(Unicode 14) rejects.

    python3.11 tests/tools/make_printable_table.py > libpatio/patio/base/printable.cpp
"""
import argparse
import sys
import unicodedata

HEAD = """// Written by tests/tools/make_printable_table.py from CPython 3.11's str.isprintable()
// (Unicode 14): do not edit.
#include <patio/base/printable.hpp>

#include <algorithm>
#include <array>

namespace patio {
namespace {

struct range {
  char32_t first, last;
};

// In ascending order, both ends included.
// clang-format off
constexpr std::array<range, %d> unprintable{{
"""

TAIL = """}};
// clang-format on

} // namespace

bool is_printable(char32_t c) noexcept {
  auto after = std::upper_bound(unprintable.begin(), unprintable.end(), c,
                                [](char32_t x, const range& r) { return x < r.first; });
  return after == unprintable.begin() || c > (after - 1)->last;
}

} // namespace patio
"""


def ranges():
    found = []
    for c in range(sys.maxunicode + 1):
        if chr(c).isprintable():
            continue
        if found and found[-1][1] == c - 1:
            found[-1][1] = c
        else:
            found.append([c, c])
    return found


def lines(cells, width=100):
    line = " "
    for cell in cells:
        if len(line) + 1 + len(cell) > width:
            yield line
            line = " "
        line += " " + cell
    yield line


def main():
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    assert unicodedata.unidata_version == "14.0.0", "CPython 3.11 is needed"
    table = ranges()
    body = "\n".join(lines("{0x%x, 0x%x}," % (first, last) for first, last in table))
    sys.stdout.write(HEAD % len(table) + body + "\n" + TAIL)


main()
