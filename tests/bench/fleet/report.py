"""Figures of fleets of several sizes, as tables: what grows how, and which targets are met."""

import dataclasses

SHOWN = 8


@dataclasses.dataclass
class Figure:
    name: str
    unit: str
    value: float
    per_node: bool = False  # whether it is to grow as the number of nodes
    at_most: float | None = None


def print_table(by_size, judged, beyond):
    """By size, the same figures in any order."""
    sizes = sorted(by_size)
    tables = {size: {figure.name: figure.value for figure in by_size[size]} for size in sizes}
    head = ["figure", *(f"{size:,} nodes" for size in sizes), "a node",
            f"{sizes[0]:,} to {sizes[-1]:,}", f"{beyond:,} nodes", f"target at {judged:,}", "met"]
    rows = [head, None]
    for figure in by_size[sizes[-1]]:
        values = {size: tables[size][figure.name] for size in sizes}
        rows.append([f"{figure.name}, {figure.unit}" if figure.unit else figure.name,
                     *(_number(values[size]) for size in sizes), *_growth(figure, values, beyond),
                     *_verdict(figure, values, judged)])
    widths = [max(len(row[place]) for row in rows if row) for place in range(len(head))]
    print()
    for row in rows:
        cells = row or ["-" * width for width in widths]
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |")


def _growth(figure, values, beyond):
    sizes = sorted(values)
    first, last = sizes[0], sizes[-1]
    if not figure.per_node:
        return ["-", "-", _number(values[last])]
    growth = "-"
    if len(sizes) > 1 and values[first] > 0:
        growth = f"{values[last] / last / (values[first] / first):.2f} x a node"
    return [_number(values[last] / last), growth, _number(at(values, beyond))]


def at(values, size):
    """On the line through the two largest sizes; through nothing at 0, where there is one."""
    largest = sorted(values)[-2:]
    if len(largest) == 1:
        return values[largest[0]] / largest[0] * size
    low, high = largest
    return values[high] + (values[high] - values[low]) / (high - low) * (size - high)


def extrapolated(sizes, beyond):
    through = " and ".join(f"{size:,}" for size in sorted(sizes)[-2:])
    if len(sizes) == 1:
        through = f"0 and {through}"
    return f"{beyond:,} nodes were not tried: that is the line through {through}."


def _verdict(figure, values, judged):
    if figure.at_most is None:
        return ["-", "-"]
    value = max(values.values())
    if figure.per_node:
        value = values.get(judged, at(values, judged))
    met = "yes" if value <= figure.at_most else f"missed: {value / figure.at_most:.1f} x of it"
    return [f"<= {figure.at_most:,.0f} {figure.unit}".strip(), met]


def _number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def print_slowest(title, seconds):
    print(f"\n{title}")
    for name, took in sorted(seconds.items(), key=lambda item: -item[1])[:SHOWN]:
        print(f"{took * 1000:10.1f} ms  {name}")
