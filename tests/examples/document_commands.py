"""Runs the shell blocks of one document as a reader would, line by line, in one terminal.

The commands run in a folder that looks like a checkout after `sh tests/run.sh`: links to the
sources, and `build/release` as a link to the tree that is tested. Programs that would install or
build again are replaced by stubs (see STUBS). A server takes a free port in place of the one that
the document names, and the later commands of the document are sent to that port. Exits with 77 if a
command needs what is missing: a Python with patio (PATIO_PYTHON), or openssl.
"""
import argparse
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

import documents

PATIENCE = 120  # seconds that one command may take

# Stubs for programs that would install or build, because the tree is built already and a test
# installs nothing. The stub of cmake still checks that a preset exists, and the stub of ctest that
# a test is selected.
STUBS = {
    "apt-get": "exit 0",
    "clang++": "exit 0",
    "dpkg-query": "echo installed",
    "cmake": 'preset=$(echo " $*" | sed -n "s/.* --preset \\([a-z-]*\\).*/\\1/p")\n'
             '[ -z "$preset" ] || grep -q "\\"name\\": \\"$preset\\"" CMakePresets.json',
    "ctest": 'case "$*" in *--preset*) exec cmake "$@" ;; esac\n'
             'found=$("$PATIO_CTEST" -N "$@") || exit\n'
             'echo "$found" | tail -n 1\n'
             '! echo "$found" | grep -q "Total Tests: 0"',
}

ADDRESS = re.compile(r"(127\.0\.0\.1|\[::1\]):(\d+)")


class Failure(Exception):
    """A command does not do what its document says. The text says what the command does."""


def is_python_needed(command):
    return "build/venv/bin/python" in command or "PATIO_PYTHON" in command


def make_checkout(folder, build, python_peer):
    """Fills the folder in which the commands run, and returns the environment for them."""
    for entry in documents.SOURCE.iterdir():
        if entry.name not in ("build", ".git"):
            (folder / entry.name).symlink_to(entry)
    (folder / "build" / "venv" / "bin").mkdir(parents=True)
    (folder / "build" / "release").symlink_to(build)
    stubs = folder / "build" / "stubs"
    stubs.mkdir()
    write_program(folder / "build/venv/bin/python",
                  f'exec "{python_peer}" "$@"' if python_peer else "exit 0")
    for name, text in STUBS.items():
        write_program(stubs / name, text)
    write_program(stubs / "python3", f'exec "{sys.executable}" "$@"')
    env = {k: v for k, v in os.environ.items() if k not in ("PATIO_KEY", "CI")}
    return env | {"PATH": f"{stubs}:{env['PATH']}"}


def write_program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


class Server:
    """A command in the background. Its output is read to the end, so that it never blocks."""

    def __init__(self, command, cwd, env, listeners):
        assignments = re.match(r"((?:[A-Z_]+=\S+ +)*)(.*)", command)
        env = env | dict(a.split("=", 1) for a in shlex.split(assignments[1]))
        self.command = command
        self.process = subprocess.Popen(["sh", "-c", "exec " + assignments[2]], cwd=cwd, env=env,
                                        stdout=subprocess.PIPE, text=True)
        self.addresses = []
        self.is_ready = False
        self.has_spoken = threading.Event()  # the server is ready, or has ended before
        threading.Thread(target=self.read, args=(listeners,), daemon=True).start()
        self.has_spoken.wait(PATIENCE)
        if not self.is_ready:
            self.process.kill()
            raise Failure(f"is not ready, with {listeners} address(es) to listen on")

    def read(self, listeners):
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.addresses.append(line.split()[2])
            is_connected = line.startswith("connected to ")
            if len(self.addresses) == listeners and (listeners > 0 or is_connected):
                self.is_ready = True
                self.has_spoken.set()
        self.has_spoken.set()

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        if number == signal.SIGHUP:
            return
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failure(f"does not end: {self.command}") from None
        if code != 0 and not (code == -number and ".py" in self.command):
            raise Failure(f"ended with {code} instead of 0: {self.command}")


class Terminal:
    """The state that a document's commands share: folder, environment, background servers."""

    def __init__(self, checkout, env, has_python):
        self.cwd, self.env, self.has_python = checkout, env, has_python
        self.jobs = []
        self.actual = {}  # maps an address in the document to the address of the live server
        self.has_skipped = False

    def close(self):
        """Ends the servers. Returns an error for each server that ended wrongly."""
        problems = []
        for job in filter(None, self.jobs):
            try:
                job.end()
            except Failure as why:
                problems.append(str(why))
        return problems

    def run(self, line):
        command, comment = re.fullmatch(r"(.*?)(?:\s+# (.*))?", line).groups()
        bad = [p for p in documents.first_words(command) if not documents.is_allowed(p)]
        if bad:
            raise Failure(f"unknown program {bad[0]}: add it to PROGRAMS if a test may start it")
        if documents.not_run(command):
            return
        if is_python_needed(command) and not self.has_python:
            self.has_skipped = True
            return
        print("$", command, flush=True)
        program = next(documents.first_words(command))
        if program in ("cd", "export"):
            self.keep_state(command)
        elif program == "kill":
            self.kill(command)
        elif command.endswith("&"):
            self.start(command[:-1].strip())
        else:
            self.finish(command, comment or "")

    def keep_state(self, command):
        script = f'{command}\npwd\nprintf "%s" "$PATH"'
        done = subprocess.run(["sh", "-ec", script], cwd=self.cwd, env=self.env, text=True,
                              stdout=subprocess.PIPE)
        if done.returncode != 0:
            raise Failure(f"exit code {done.returncode}")
        cwd, path = done.stdout.split("\n", 1)
        stubs = self.env["PATH"].split(":")[0]
        self.cwd = pathlib.Path(cwd)
        self.env["PATH"] = path if path.startswith(stubs) else f"{stubs}:{path}"

    def kill(self, command):
        which = re.fullmatch(r"kill -(\w+) %(\d+)", command)
        if not which:
            raise Failure("write it as: kill -SIGNAL %JOB")
        job = self.jobs[int(which[2]) - 1]
        job.end(signal.Signals["SIG" + which[1]])
        if which[1] != "HUP":
            self.jobs[int(which[2]) - 1] = None
            self.actual = {k: v for k, v in self.actual.items() if v not in job.addresses}

    def start(self, command):
        if command.startswith("patio serve") and "--listen" not in command \
                and "--connect" not in command:
            command += " --listen 127.0.0.1:15383"
        named = []

        def free_or_live(match):
            if match[0] in self.actual:
                return self.actual[match[0]]
            named.append(match[0])
            return match[1] + ":0"
        server = Server(ADDRESS.sub(free_or_live, command), self.cwd, self.env, len(named))
        self.jobs.append(server)
        self.actual |= dict(zip(named, server.addresses))

    def finish(self, command, comment):
        live = ADDRESS.sub(lambda m: self.actual.get(m[0], m[0]), command)
        try:
            done = subprocess.run(["sh", "-c", live], cwd=self.cwd, env=self.env, text=True,
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"takes over {PATIENCE} s") from None
        wanted = re.match(r"exit code (\d+)", comment)
        if done.returncode != int(wanted[1] if wanted else 0):
            raise Failure(f"exit code {done.returncode}\n{done.stdout}{done.stderr}")
        printed = re.match(r"prints (.*)", comment)
        if printed and done.stdout.strip() != printed[1].strip():
            raise Failure(f"prints {done.stdout.strip()}, not {printed[1]}")


def run_commands(name, build):
    doc = documents.Document(documents.SOURCE / name)
    if "openssl" in str(doc.blocks) and not shutil.which("openssl"):
        return [], "the openssl command"
    peer = os.environ.get("PATIO_PYTHON", "")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        terminal = Terminal(folder, make_checkout(folder, build, peer), bool(peer))
        for block in doc.blocks:
            for number, _, command in documents.commands_of(block)[0] if block[0] == "sh" else []:
                try:
                    terminal.run(command)
                except Failure as why:
                    doc.problem(number, f"{command}\n{why}")
        doc.problems += terminal.close()
    return doc.problems, "a Python with patio" if terminal.has_skipped else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path, help="the tree that was built")
    parser.add_argument("document", help="for example apps/README.md")
    args = parser.parse_args()
    problems, missing = run_commands(args.document, args.build.resolve())
    print("\n".join(problems) or "the commands are right")
    if not problems and missing:
        print(f"skipped: some commands need {missing}")
    return 1 if problems else 77 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
