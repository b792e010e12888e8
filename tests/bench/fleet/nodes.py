"""Simulated nodes: each serves what a real kubecliff served, with figures of its own that move.

Runs as a process of its own, in a network namespace where each node has an address of the loopback
device.

    nodes.py RECORDING COUNT INTERVAL HISTORY

/metrics is what the node says now. /history is what it would have said every INTERVAL seconds of
the HISTORY seconds before, with the times, a piece with each request, and at its end HISTORY_READ:
a Prometheus that has read all of it is as one that has long been there.
"""

import asyncio
import json
import math
import pathlib
import random
import sys
import time

PORT = 9909
HISTORY_READ = "kubecliff_fleet_history_read"
# Samples of a series at once. Prometheus keeps room for as many as it took in one go, for each.
PIECE = 8
POOLS = 8
# Of 1,000 nodes so many have a connection tracking table that is so full.
NEARLY_FULL = {40: (0.86, 0.97), 100: (0.72, 0.84), 1000: (0.05, 0.6)}
# One node of so many has what the others do not have, in some of its figures: drops, failures, leftovers.
ODD_ONE, ODD_FIGURES = 50, 0.1
# How far a gauge that moves swings, and how long that takes.
SWING, PERIOD = 0.05, 900
# What is set, not measured, and so the same everywhere.
SETTINGS = ("_threshold", "_limit", "_buckets", "_info", "_setting", "_max_entries", "_ready",
            "_fds", "_start_time_seconds", "_virtual_memory_max_bytes", "_floor_seconds", "_mode")


def address(number):
    """Of a node, from 0."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def name(number):
    return f"node-{number:05}"


def pool(number):
    return f"pool-{number % POOLS}"


def _number(address_text):
    high, low = address_text.split(".")[2:]
    return int(high) * 250 + int(low) - 1


class Recording:
    """Two readings of one kubecliff: what there is, and how fast it moves."""

    def __init__(self, file):
        content = json.loads(pathlib.Path(file).read_text())
        self.at = content["at"]
        self.samples = content["samples"]  # by family: family, type, series, value, rate
        series = [sample["series"].replace("%", "%%") + _format(sample) for sample in self.samples]
        page = []
        for sample, line in zip(self.samples, series):
            head = content["heads"].pop(sample["family"], [])
            page += [*(words.replace("%", "%%") for words in head), line]
        # Figures go in by the operator %, a time in the place of the NUL.
        self.page = "\n".join(page) + "\n"
        self.dated = "".join(f"{line} \0\n" for line in series)


def _format(sample):
    counts = sample["value"].is_integer() and "seconds" not in sample["family"]
    return " %d" if counts else " %.10g"


class Node:
    """Of each sample where it starts, how fast it grows, and how far it swings."""

    def __init__(self, number, recording):
        self._recording = recording
        self._random = random.Random(number)
        self._phase = self._random.random() * 2 * math.pi
        # Some nodes are a tenth of what was recorded, few are more than it.
        size = 0.1 + 1.4 * self._random.random() ** 2
        limit = next((sample["value"] for sample in recording.samples
                      if sample["family"] == "kubecliff_conntrack_entries_limit"), 0)
        place = self._random.randrange(1000)
        self._entries = limit * self._random.uniform(
            *next(shares for below, shares in NEARLY_FULL.items() if place < below))
        self._is_odd = self._random.randrange(ODD_ONE) == 0
        odd = {}
        self._figures = [
            self._figure(sample, size, odd.setdefault(sample["family"], self._has_odd_figures()))
            for sample in recording.samples]

    def _has_odd_figures(self):
        return self._is_odd and self._random.random() < ODD_FIGURES

    def _figure(self, sample, size, is_odd):
        family, value, rate = sample["family"], sample["value"], sample["rate"]
        if family == "kubecliff_conntrack_entries":
            return self._entries, 0, self._entries * SWING
        if family.endswith("_timestamp_seconds"):
            return value, 1, 0  # as old as it was, at any time
        if family.endswith(SETTINGS):
            return value, 0, 0
        if sample["type"] in ("counter", "histogram"):
            if sample["type"] == "counter" and rate == 0 and is_odd:
                rate = 0.5
            # It has grown for as long as there is history.
            return value * size + rate * size * 7200, rate * size, 0
        if family.endswith("_success") and is_odd:
            return 0, 0, 0
        if value == 0 and is_odd:
            return 1, 0, 0
        if value in (0, 1):
            return value, 0, 0
        return value * size, 0, value * size * SWING if rate else 0

    def _values(self, now):
        passed = now - self._recording.at
        wave = math.sin(now / PERIOD * 2 * math.pi + self._phase)
        return tuple(start + growth * passed + swing * wave
                     for start, growth, swing in self._figures)

    def now(self):
        return (self._recording.page % self._values(time.time())).encode()

    def history(self, interval, seconds):
        """Pieces of it."""
        times = [time.time() - seconds + step * interval for step in range(seconds // interval)]
        while times:
            piece, times = times[:PIECE], times[PIECE:]
            yield "".join(self._dated(at) for at in piece).encode()

    def _dated(self, at):
        return (self._recording.dated % self._values(at)).replace("\0", str(int(at * 1000)))


class Connection(asyncio.Protocol):
    """One scraper's: requests without a body, one after the other."""

    def __init__(self, nodes, histories):
        self._nodes = nodes
        self._histories = histories
        self._received = b""

    def connection_made(self, transport):
        self._transport = transport
        self._number = _number(transport.get_extra_info("sockname")[0])

    def data_received(self, data):
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, self._received = self._received.split(b"\r\n\r\n", 1)
            if head.startswith(b"GET /history"):
                self._answer(next(self._histories[self._number], f"{HISTORY_READ} 1\n".encode()))
            else:
                self._answer(self._nodes[self._number].now())

    def _answer(self, page):
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                              b"Content-Length: %d\r\n\r\n" % len(page) + page)


async def serve(recording, count, interval, history):
    nodes = [Node(number, recording) for number in range(count)]
    histories = [node.history(interval, history) for node in nodes]
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(nodes, histories), "0.0.0.0", PORT, backlog=count)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Recording(sys.argv[1]), *map(int, sys.argv[2:])))
