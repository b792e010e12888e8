"""What the programs share that scripts call to run tests: arguments, the tests, the exit code."""

import argparse
import pathlib
import signal
import sys
import unittest

import progress
from results import Result, close


def arguments(*options):
    """The options, each of which is needed, and as `tests` the names of tests, if any."""
    parser = argparse.ArgumentParser()
    for option in options:
        parser.add_argument(option, required=True)
    parser.add_argument("--started", type=int, required=True)
    parser.add_argument("tests", nargs="*")
    found = parser.parse_args()
    progress.started = found.started
    # Of all exceptions the only one that a test does not take for its failure.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return found


def tests_beside(program):
    """The files named *_test.py in the program's folder."""
    return sorted(file.stem for file in pathlib.Path(program).parent.glob("*_test.py"))


def load(names):
    return unittest.defaultTestLoader.loadTestsFromNames(names)


def run(tests, logs):
    """Gives the exit code."""
    result = Result()
    tests.run(result)
    return close(result, logs)


def end_with(main):
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
