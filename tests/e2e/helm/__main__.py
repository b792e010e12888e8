"""Runs the tests of this folder, in files named *_test.py. scripts/e2e-helm calls this."""

import argparse
import pathlib
import signal
import sys
import unittest

import progress
import settings
from results import Result, close


def main():
    parser = argparse.ArgumentParser()
    for option in ("--kubecliff", "--tools", "--logs"):
        parser.add_argument(option, type=pathlib.Path, required=True)
    parser.add_argument("--started", type=int, required=True)
    parser.add_argument("tests", nargs="*")
    arguments = parser.parse_args()
    progress.started = arguments.started
    settings.kubecliff, settings.tools, settings.logs = arguments.kubecliff, arguments.tools, arguments.logs
    # Of all exceptions the only one that a test does not take for its failure.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    here = pathlib.Path(__file__).parent
    names = arguments.tests or sorted(file.stem for file in here.glob("*_test.py"))
    result = Result()
    unittest.defaultTestLoader.loadTestsFromNames(names).run(result)
    return close(result, arguments.logs)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
