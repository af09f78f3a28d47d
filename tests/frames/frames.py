#!/usr/bin/env python3
"""Sends HTTP/2 frames, of which many are wrong, to a real bonedry, and checks what clients and
nodes get.

    tests/frames/frames.py PROGRAM [connections|heads|frames|flow|floods|priorities]... [-v] [-k PATTERN]

$BONEDRY_SANITIZED_PROGRAMS, a directory, has the programs to test instead, as in tests/scenario.
Takes Debian's python3-h2, for its HPACK decoder; exits with 77 when it is missing."""

import importlib.util
import os
import sys
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77  # what ctest takes for "skipped"


def main(program, *arguments):
    if importlib.util.find_spec("hpack") is None:
        print("skipped: python3-h2 is not installed", file=sys.stderr)
        return SKIPPED
    others = os.environ.get("BONEDRY_SANITIZED_PROGRAMS")
    program = os.path.join(others, os.path.basename(program)) if others else program
    os.environ["BONEDRY_PROGRAM"] = os.path.abspath(program)
    sys.path.insert(0, FOLDER)
    modules = sorted(file[:-len(".py")] for file in os.listdir(FOLDER) if file.endswith("_test.py"))
    chosen = [f"{word}_test" for word in arguments if f"{word}_test" in modules]
    options = [word for word in arguments if f"{word}_test" not in modules]
    return unittest.main(None, argv=[sys.argv[0], *options, *(chosen or modules)])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
