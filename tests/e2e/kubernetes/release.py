"""The chart as helm installs it."""

import contextlib
import functools
import json
import re
import shutil

import chart
from chart import RELEASE


@functools.cache
def _packed(cluster):
    """Without the versions that it is for: Debian's API server is older."""
    copy = cluster.state / "chart"
    shutil.copytree(chart.CHART, copy)
    file = copy / "Chart.yaml"
    file.write_text(re.sub("(?m)^kubeVersion:.*\n", "", file.read_text()))
    return copy


def _run(cluster, command, values, *options):
    file = cluster.state / "values.json"
    file.write_text(json.dumps(values))
    cluster.helm(command, RELEASE, str(_packed(cluster)), f"--namespace={RELEASE}",
                 f"--values={file}", *options)


def install(cluster, values, *options):
    _run(cluster, "install", values, *options)


def upgrade(cluster, values):
    _run(cluster, "upgrade", values, "--reset-values")


def uninstall(cluster):
    cluster.helm("uninstall", RELEASE, f"--namespace={RELEASE}", "--ignore-not-found")


@contextlib.contextmanager
def installed(cluster, values, *options):
    try:
        install(cluster, values, *options)
        yield
    finally:
        uninstall(cluster)
