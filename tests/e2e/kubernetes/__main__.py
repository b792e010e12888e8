"""Brings the cluster up, runs the tests, takes it down. scripts/e2e-kubernetes calls this."""

import contextlib
import pathlib

import chart
import runner
import workload
from case import ClusterTest
from cluster import Cluster
from progress import say

# In this order: the last ones kill what the others need.
TESTS = ["access", "rules", "churn", "kube_proxy", "restore", "install", "rights", "propagation", "probe",
         "recovery"]


def main():
    arguments = runner.arguments("--prefix", "--state", "--logs", "--kubecliff", "--tools")
    chart.tools = pathlib.Path(arguments.tools)
    tests = runner.load(arguments.tests or TESTS)
    with contextlib.ExitStack() as stack:
        cluster = Cluster(arguments.prefix, pathlib.Path(arguments.state),
                          pathlib.Path(arguments.logs), arguments.kubecliff)
        stack.callback(say, "down")
        stack.callback(cluster.stop)
        cluster.start()
        say(f"up: etcd, the API server and {len(cluster.nodes)} nodes")
        workload.write(cluster)
        say(f"written: {workload.SERVICES} Services of {workload.PODS} endpoints")
        ClusterTest.cluster = cluster
        return runner.run(tests, arguments.logs)


if __name__ == "__main__":
    runner.end_with(main)
