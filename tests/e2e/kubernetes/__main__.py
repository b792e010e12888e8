"""Brings the cluster up, runs the tests, takes it down. scripts/e2e-kubernetes calls this."""

import argparse
import contextlib
import pathlib
import signal
import sys
import time
import traceback
import unittest

import progress
import workload
from case import ClusterTest
from cluster import Cluster
from progress import say

# In this order: the last ones kill what the others need.
TESTS = ["access", "rules", "churn", "kube_proxy", "restore", "propagation", "probe", "recovery"]


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
        if isinstance(error[1], test.failureException):
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

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._tell("skipped", test)
        print(f"    {reason}")


def main():
    parser = argparse.ArgumentParser()
    for option in ("--prefix", "--state", "--logs", "--kubecliff"):
        parser.add_argument(option, required=True)
    parser.add_argument("--started", type=int, required=True)
    parser.add_argument("tests", nargs="*")
    arguments = parser.parse_args()
    progress.started = arguments.started
    # Of all exceptions the only one that a test does not take for its failure.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tests = unittest.defaultTestLoader.loadTestsFromNames(arguments.tests or TESTS)

    result = Result()
    with contextlib.ExitStack() as stack:
        cluster = Cluster(arguments.prefix, pathlib.Path(arguments.state),
                          pathlib.Path(arguments.logs), arguments.kubecliff)
        stack.callback(cluster.stop)
        cluster.start()
        say(f"up: etcd, the API server and {len(cluster.nodes)} nodes")
        workload.write(cluster)
        say(f"written: {workload.SERVICES} Services of {workload.PODS} endpoints")
        ClusterTest.cluster = cluster
        tests.run(result)
    say("down")

    if result.failed:
        print(f"what the programs logged: {arguments.logs}")
    skipped = f", {len(result.skipped)} skipped" if result.skipped else ""
    print(f"\n{result.passed} passed, {result.failed} failed{skipped}")
    return 1 if result.failed or not result.passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
