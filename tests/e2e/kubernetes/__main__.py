"""Brings the cluster up, runs the tests, takes it down. scripts/e2e-kubernetes calls this."""

import argparse
import contextlib
import pathlib
import signal
import sys
import unittest

import progress
import workload
from case import ClusterTest
from cluster import Cluster
from progress import say
from results import Result, close

# In this order: the last ones kill what the others need.
TESTS = ["access", "rules", "churn", "kube_proxy", "restore", "propagation", "probe", "recovery"]


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

    return close(result, arguments.logs)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
