"""What tests came to: a line for each, and one that closes."""

import sys
import time
import traceback
import unittest

from progress import say


class Result(unittest.TestResult):
    """A line for each test, with the time."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.failed = 0
        self._test_started = 0.0

    def startTest(self, test):
        super().startTest(test)
        self._test_started = time.monotonic()

    def _tell(self, word, test):
        took = time.monotonic() - self._test_started
        say(f"{word:7} {test.id()}  ({took:.1f} s)")

    def _tell_failure(self, test, error):
        self.failed += 1
        self._tell("FAILED", test)
        # What failed before any test is no test, and has no failureException.
        if isinstance(error[1], AssertionError):
            print(f"    {error[1]}")
        else:
            traceback.print_exception(*error, file=sys.stdout)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        self._tell("passed", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._tell_failure(test, err)

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._tell_failure(subtest, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._tell("skipped", test)
        print(f"    {reason}")


def close(result, logs):
    """The closing line; gives the exit code."""
    if result.failed:
        print(f"what the programs logged: {logs}")
    skipped = f", {len(result.skipped)} skipped" if result.skipped else ""
    print(f"\n{result.passed} passed, {result.failed} failed{skipped}")
    return 1 if result.failed or not result.passed else 0
