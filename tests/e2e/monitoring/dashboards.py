"""The dashboards, as Grafana would read them."""

import json

from settings import REPOSITORY

FOLDER = REPOSITORY / "dashboards"
DASHBOARDS = {file.stem: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}


def rows():
    """Each with the dashboard's name."""
    return [(name, panel) for name, dashboard in DASHBOARDS.items()
            for panel in dashboard["panels"] if panel["type"] == "row"]


def panels():
    """Those that show something, in closed rows too."""
    return [(name, panel) for name, dashboard in DASHBOARDS.items() for outer in dashboard["panels"]
            for panel in (outer["panels"] if outer["type"] == "row" else [outer])]


def variables():
    return [(name, each) for name, dashboard in DASHBOARDS.items()
            for each in dashboard["templating"]["list"]]


def annotations():
    return [(name, each) for name, dashboard in DASHBOARDS.items()
            for each in dashboard["annotations"]["list"]]


def queries(name):
    """All that a dashboard asks Prometheus for, but for its variables."""
    asked = [target["expr"] for owner, panel in panels() if owner == name
             for target in panel["targets"]]
    return asked + [each["target"]["expr"] for owner, each in annotations() if owner == name]
