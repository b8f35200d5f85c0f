"""Compares the instructions of a call, as callgrind counts them, with the numbers in expected.json.

Fails if a number differs by more than 3 %. Exits with 77 if there is no valgrind. The numbers hold
for the packages of Debian 12 on x86-64; on other systems the check exits with 77, too.
"""
import argparse
import json
import pathlib
import platform
import re
import shutil
import subprocess
import sys

TOLERANCE = 0.03
FEW, MANY = 640, 3200  # both multiples of the program's calls in flight


def instructions(program, what, calls):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, what,
               str(calls)]
    ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", ended.stderr)[1])


def cost(program, what):
    return round((instructions(program, what, MANY) - instructions(program, what, FEW))
                 / (MANY - FEW))


def is_debian_12():
    system = platform.freedesktop_os_release()
    return (system.get("ID"), system.get("VERSION_ID"), platform.machine()) == (
        "debian", "12", "x86_64")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the program call_cost of an optimised build")
    program = parser.parse_args().program
    if not shutil.which("valgrind") or not is_debian_12():
        print("skipped: needs valgrind and Debian 12 on x86-64")
        sys.exit(77)
    file = pathlib.Path(__file__).with_name("expected.json")
    expected = json.loads(file.read_text())
    measured = {what: cost(program, what) for what in expected}
    for what, n in measured.items():
        print(f"{what}: {n} instructions a call, {n / expected[what] - 1:+.1%}")
    wrong = [w for w, n in measured.items() if abs(n / expected[w] - 1) > TOLERANCE]
    if wrong:
        print(f"{', '.join(wrong)}: not within {TOLERANCE:.0%} of {file.name}. If the change is "
              f"intended, put this into {file.name}: {json.dumps(measured)}")
        sys.exit(1)


if __name__ == "__main__":
    main()
