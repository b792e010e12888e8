"""Records a node, serves it many times, measures that. scripts/bench-fleet calls this."""

import argparse
import contextlib
import gzip
import os
import pathlib
import platform
import re
import signal
import sys

import dashboards
import nodes
import progress
import recording
import settings
from fleet import HISTORY, SCRAPES, Fleet
from progress import say
from prometheus import RULES
from report import Figure, extrapolated, print_slowest, print_table

FULL = [100, 300, 1000]
QUICK = [100]
# Evaluations of each group that count, and seconds from one to the next. Often is quicker, but the
# groups of many nodes then wait for each other.
TIMES, PACE = 3, 30
QUICK_TIMES, QUICK_PACE = 3, 10
# What the targets are for, and what nobody has the memory to try.
JUDGED, BEYOND = 1000, 10_000
# Nodes that somebody compares in one picture, where a dashboard offers several.
COMPARED = 5


def dashboard_queries():
    """By dashboard and panel, with the variables filled in as Grafana would for the last hour."""
    compared = [f"{nodes.address(number)}:{nodes.PORT}" for number in range(COMPARED)]
    values = {}
    for name, variable in dashboards.variables():
        own = values.setdefault(name, {"__rate_interval": f"{4 * SCRAPES}s"})
        own[variable["name"]] = (".*" if variable["includeAll"] else
                                 "|".join(compared if variable["multi"] else compared[:1]))
    found = {}
    for name, panel in dashboards.panels():
        for target in panel["targets"]:
            query = re.sub(r"\$(\w+)", lambda used, own=values[name]: own[used[1]], target["expr"])
            found[query, target["instant"]] = f"{name}: {panel['title']}"
    return found


def measure(fleet, times, window):
    """The figures of a fleet, and its slowest rules and queries."""
    with contextlib.ExitStack() as stack:
        stack.callback(fleet.stop)
        fleet.start(window)
        groups, of_rules, cpu = fleet.evaluations(times)
        say(f"{fleet.count} nodes: {times} evaluations of each group")
        # Rules go on meanwhile, as they do where people look at dashboards.
        asked = dashboard_queries()
        queries, empty = {}, 0
        for (query, is_instant), where in asked.items():
            took, found = fleet.query(query, is_instant)
            queries[where] = max(took, queries.get(where, 0))
            empty += not found
        say(f"{fleet.count} nodes: {len(asked)} queries of dashboards, {empty} without data")
        page = fleet.page()
        resident, in_use = fleet.memory()
        figures = [
            Figure("series that a node serves", "", fleet.served(), at_most=600),
            Figure("series that Prometheus keeps", "", fleet.head_series(), per_node=True),
            Figure("bytes of a scrape", "B", len(page)),
            Figure("  compressed", "B", len(gzip.compress(page))),
            Figure("memory of Prometheus, resident", "KiB", resident / 1024, per_node=True),
            Figure("  in use, after a collection", "KiB", in_use / 1024, per_node=True),
            Figure("CPU of scraping, of a core", "%", fleet.scraping * 100, per_node=True),
            Figure("CPU of evaluating all rules once", "ms", cpu * 1000, per_node=True),
            *(Figure(f"  {name}", "ms", took * 1000, per_node=True)
              for name, took in sorted(groups.items(), key=lambda item: -item[1])),
            Figure("all groups, one after the other", "ms", sum(groups.values()) * 1000,
                   per_node=True, at_most=1000),
            Figure("the slowest query of a dashboard", "ms", max(queries.values()) * 1000,
                   per_node=True, at_most=2000),
            Figure("alerts that fire or wait", "", fleet.one("count(ALERTS)"), per_node=True),
        ]
    return figures, of_rules, queries


def main():
    parser = argparse.ArgumentParser()
    for option in ("--prefix", "--state", "--logs", "--kubecliff", "--make-ruleset"):
        parser.add_argument(option, required=True)
    parser.add_argument("--started", type=int, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--everything", action="store_true")
    parser.add_argument("--nodes", type=int, action="append")
    parser.add_argument("--rules", type=pathlib.Path, default=RULES)
    arguments = parser.parse_args()
    settings.take(arguments)
    progress.started = arguments.started
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    file = settings.state / "recording.json"
    recording.record(file, arguments.everything,
                     recording.SECONDS // 4 if arguments.quick else recording.SECONDS)
    times, pace = (QUICK_TIMES, QUICK_PACE) if arguments.quick else (TIMES, PACE)
    window = SCRAPES / 3 if arguments.quick else SCRAPES
    sizes = sorted(arguments.nodes or (QUICK if arguments.quick else FULL))
    measured = {}
    for size in sizes:
        fleet = Fleet(size, file, arguments.rules, pace)
        measured[size] = measure(fleet, times, window)

    print_table({size: figures for size, (figures, _, _) in measured.items()}, JUDGED, BEYOND)
    _, of_rules, queries = measured[sizes[-1]]
    largest = f"at {sizes[-1]:,} nodes"
    print_slowest(f"The slowest rules {largest}", of_rules)
    print_slowest(f"The slowest queries of dashboards {largest}, over an hour", queries)
    print(f"\nScraped every {SCRAPES} s, evaluated every {pace} s, medians of {times}; "
          f"{HISTORY // 60} minutes of samples. {extrapolated(sizes, BEYOND)}\n"
          f"{os.cpu_count()} CPUs, Linux {platform.release()}, load {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
