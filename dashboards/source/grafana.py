"""What dashboards are made of: Grafana's JSON, and one look. Nothing here knows a metric."""

import pathlib
import re

ALERTS = pathlib.Path(__file__).parents[2] / "alerts"
THRESHOLDS = (ALERTS / "thresholds.yaml").read_text(encoding="utf-8")
CHECKS = re.findall(r"^  ([a-z_0-9]+):$", THRESHOLDS, re.MULTILINE)
RUNBOOKS = re.search(r"^runbooks: (\S+)$", THRESHOLDS, re.MULTILINE)[1]

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
SEVERITIES = {"info": "blue", "warning": "orange", "critical": "red"}
MODES = {
    "iptables-legacy": "semi-dark-yellow",
    "iptables-nft": "yellow",
    "ipvs": "purple",
    "nftables": "blue",
    "ebpf": "green",
    "none": "red",
}
# What a template variable of a dashboard leaves of all series.
SELECTORS = {
    "POOL": 'cluster=~"$cluster", node_pool=~"$node_pool"',
    "NODES": 'cluster=~"$cluster", job=~"$job", instance=~"$node"',
    "NODE": 'cluster=~"$cluster", job=~"$job", instance="$node"',
}
WIDTH = 24  # of Grafana's grid


def runbook(check):
    """Where the runbook of a check's alert is."""
    if check not in CHECKS:
        raise ValueError(f"no check {check} in thresholds.yaml")
    return f"{RUNBOOKS}Kubecliff{''.join(word.capitalize() for word in check.split('_'))}.md"


def expression(text):
    """PromQL on one line, with POOL, NODES or NODE replaced by what they select."""
    for word, selector in SELECTORS.items():
        text = re.sub(rf"\{{{word}\b", "{" + selector, text)
    return " ".join(text.split())


def query(expr, legend="", **more):
    return {"datasource": DATASOURCE, "expr": expression(expr), "legendFormat": legend,
            "editorMode": "code", "range": True, "instant": False, **more}


def instant(expr, legend="", **more):
    return query(expr, legend, **{"range": False, "instant": True, **more})


# ---------------------------------------------------------------- overrides
def properties(**values):
    """Of a series: `custom__lineWidth=1` is the property custom.lineWidth."""
    return [{"id": name.replace("__", "."), "value": value} for name, value in values.items()]


def by_name(name, **values):
    return {"matcher": {"id": "byName", "options": name}, "properties": properties(**values)}


def by_regexp(pattern, **values):
    return {"matcher": {"id": "byRegexp", "options": pattern}, "properties": properties(**values)}


def fixed(colour):
    return {"mode": "fixed", "fixedColor": colour}


def coloured(colours):
    """Series by their name."""
    return [by_name(name, color=fixed(colour)) for name, colour in colours.items()]


DASHED = {"custom__lineStyle": {"fill": "dash", "dash": [6, 6]}, "custom__lineWidth": 1,
          "custom__fillOpacity": 0, "custom__stacking": {"mode": "none", "group": "A"}}
# Bounds, which are series of their own: in the colour of their severity, and out of the way.
BOUNDS = [by_name(severity, color=fixed(colour), **DASHED)
          for severity, colour in SEVERITIES.items()]


def steps(*bounds):
    """Colours from a value on: (1, "red"). Below the first all is well."""
    return {"mode": "absolute", "steps": [
        {"value": at, "color": colour} for at, colour in ((None, "green"), *bounds)]}


def quiet(colours):
    """Of many cells only those that are not well have a colour."""
    return {**colours, "steps": [{**step, "color": step["color"].replace("green", "transparent")}
                                 for step in colours["steps"]]}


def steps_until(*bounds):
    """Colours up to a value: ((1, "red"), (7, "orange")). Above the last all is well."""
    colours = [colour for _, colour in bounds] + ["green"]
    starts = [None] + [at for at, _ in bounds]
    return {"mode": "absolute", "steps": [
        {"value": at, "color": colour} for at, colour in zip(starts, colours)]}


def checks_of(thresholds):
    """Of each check its value and its bounds: {"value": ..., "warning": ("above", 0.7)}."""
    found = {}
    for check, body in re.findall(r"^  (\w+):\n((?:    .*\n)+)", thresholds, re.MULTILINE):
        bounds = re.findall(r"^    (\w+): \{(above|below): ([-\d.e]+)", body, re.MULTILINE)
        found[check] = {"value": re.search(r"^    value: (.*)$", body, re.MULTILINE)[1],
                        **{severity: (side, float(bound)) for severity, side, bound in bounds}}
    return found


BOUNDS_OF = checks_of(THRESHOLDS)


def steps_of(check):
    """Colours at a check's bounds, as alerts/thresholds.yaml has them: what no node moves."""
    return steps(*((BOUNDS_OF[check][severity][1], colour)
                   for severity, colour in SEVERITIES.items() if severity in BOUNDS_OF[check]))


BAD = steps((1, "orange"))
OUTAGE = steps((1, "red"))
# Of the way to a critical bound.
NEAR = steps((0.8, "orange"), (1, "red"))
# Of what is or is not.
GOOD = steps_until((1, "red"))
YES_OR_NO = [{"type": "value", "options": {"0": {"text": "no", "index": 0},
                                           "1": {"text": "yes", "index": 1}}}]
NEUTRAL = {"mode": "absolute", "steps": [{"value": None, "color": "text"}]}


# ---------------------------------------------------------------- panels
LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}


def panel(kind, title, meaning, unit, queries, *, options, width, height=8, checks=(), empty=None,
          overrides=(), custom=None, transformations=(), **defaults):
    """`empty` is what a panel shows that has no data, and says that it may have none."""
    for number, each in enumerate(queries):
        each.setdefault("refId", chr(ord("A") + number))
    made = {
        "type": kind,
        "title": title,
        "description": meaning,
        "datasource": DATASOURCE,
        "targets": queries,
        "fieldConfig": {
            "defaults": {
                "unit": unit, "custom": custom or {}, **({"noValue": empty} if empty else {}),
                **{name: value for name, value in defaults.items() if value is not None}},
            "overrides": list(overrides),
        },
        "options": options,
        "gridPos": {"w": width, "h": height},
    }
    if transformations:
        made["transformations"] = list(transformations)
    if checks:
        made["links"] = [{"title": f"Runbook: {check}", "url": runbook(check), "targetBlank": True}
                         for check in checks]
    return made


def timeseries(title, meaning, unit, *queries, bounds=None, bounds_of="NODE", checks=(), width=8,
               stacked=False, overrides=(), line=None, **more):
    """`bounds` names the check whose bounds are drawn; its runbook and those of `checks` are
    linked. `line` is a value at which a red line is drawn, where no node serves the bound.
    """
    queries = list(queries)
    if bounds:
        checks = (bounds, *checks)
        # As many lines as severities, whichever nodes are looked at: the strictest of theirs.
        metric = ("cluster_node_pool_check_severity:kubecliff_threshold:min"
                  if bounds_of == "POOL" else "kubecliff_threshold")
        lines = f'min by (severity) ({metric}{{{bounds_of}, check="{bounds}"}})'
        if "empty" in more:
            # Grafana says why a panel is empty only where it has no series at all.
            lines += f" and on () ({queries[0]['expr']})"
        queries.append(query(lines, "{{severity}}", refId="bounds"))
    return panel(
        "timeseries", title, meaning, unit, queries,
        width=width, checks=checks, overrides=[*overrides, *(BOUNDS if bounds else ())],
        options={"legend": LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}},
        custom={"drawStyle": "line", "lineWidth": 1, "fillOpacity": 60 if stacked else 8,
                "showPoints": "never", "spanNulls": False,
                "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
                "thresholdsStyle": {"mode": "off" if line is None else "dashed"}},
        color={"mode": "palette-classic"},
        **({} if line is None else {"thresholds": steps((line, "red"))}), **{"min": 0, **more})


REDUCED = {"calcs": ["lastNotNull"], "fields": "", "values": False}


def stat(title, meaning, unit, expr, *, legend="", thresholds=NEUTRAL, shows="value", width=4,
         **more):
    plain = thresholds is NEUTRAL and shows == "value"
    return panel(
        "stat", title, meaning, unit, [instant(expr, legend)],
        width=width, height=4, thresholds=thresholds, color={"mode": "thresholds"},
        options={"colorMode": "none" if plain else "background",
                 "graphMode": "none", "justifyMode": "auto", "textMode": shows, "wideLayout": True,
                 "orientation": "auto", "showPercentChange": False,
                 "percentChangeColorMode": "standard", "reduceOptions": REDUCED},
        **more)


def bars(title, meaning, unit, expr, legend, *, thresholds=NEAR, width=8, **more):
    return panel(
        "bargauge", title, meaning, unit, [instant(expr, legend)],
        width=width, thresholds=thresholds, color={"mode": "thresholds"},
        options={"displayMode": "basic", "orientation": "horizontal", "valueMode": "color",
                 "namePlacement": "auto", "showUnfilled": True, "sizing": "auto", "minVizWidth": 8,
                 "minVizHeight": 16, "maxVizHeight": 24, "reduceOptions": REDUCED,
                 "legend": {**LEGEND, "showLegend": False}},
        **{"min": 0, **more})


def timeline(title, meaning, expr, legend, *, mappings, width=12, **more):
    """States over time; `mappings` are (value, word, colour)."""
    return panel(
        "state-timeline", title, meaning, "none", [query(expr, legend)],
        width=width, color={"mode": "thresholds"}, thresholds=NEUTRAL,
        mappings=[{"type": "value", "options": {
            str(value): {"text": text, "color": colour, "index": value}
            for value, text, colour in mappings}}],
        options={"mergeValues": True, "rowHeight": 0.8, "showValue": "never", "alignValue": "left",
                 "legend": LEGEND, "tooltip": {"mode": "single", "sort": "none"}},
        custom={"fillOpacity": 80, "lineWidth": 0}, **more)


def heatmap(title, meaning, unit, expr, *, width=12, **more):
    """Of a histogram's buckets, summed by le."""
    return panel(
        "heatmap", title, meaning, unit, [query(expr, "{{le}}", format="heatmap")],
        width=width,
        options={"calculate": False, "cellGap": 1, "showValue": "never",
                 "color": {"mode": "scheme", "scheme": "Oranges", "exponent": 0.5,
                           "fill": "dark-orange", "scale": "exponential", "reverse": False,
                           "steps": 64},
                 "exemplars": {"color": "red"}, "filterValues": {"le": 1e-9},
                 "legend": {"show": True}, "rowsFrame": {"layout": "auto"},
                 "tooltip": {"mode": "single", "yHistogram": False},
                 "yAxis": {"unit": unit, "axisPlacement": "left", "reverse": False}},
        **more)


def table(title, meaning, columns, *, key, sort, descending=True, width=WIDTH, height=8, hidden=(),
          overrides=(), **more):
    """A row for each set of labels.

    `key` maps labels to titles; columns are (title, query, unit, colours or None).
    """
    # Grafana calls the value of a single query Value, and those of several Value #A, Value #B.
    names = {f"Value #{chr(ord('A') + number)}" if len(columns) > 1 else "Value": column[0]
             for number, column in enumerate(columns)}
    order = {name: place for place, name in enumerate([*key, *names])}
    cells = [
        by_name(name, unit=unit, **({} if colours is None else {
            "thresholds": quiet(colours),
            "custom__cellOptions": {"type": "color-background", "mode": "basic"}}))
        for name, _, unit, colours in columns]
    return panel(
        "table", title, meaning, "short",
        [instant(expr, format="table") for _, expr, _, _ in columns],
        width=width, height=height, overrides=[*cells, *overrides],
        transformations=[
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {
                "excludeByName": {name: True for name in ("Time", *hidden)},
                "indexByName": order, "renameByName": {**key, **names}, "includeByName": {}}}],
        options={"showHeader": True, "cellHeight": "sm", "frameIndex": 0,
                 "sortBy": [{"displayName": sort, "desc": descending}]},
        custom={"align": "auto", "inspect": False, "filterable": False}, **more)


def linked(field, title, url):
    """Cells of a column that lead somewhere."""
    return by_name(field, links=[{"title": title, "url": url, "targetBlank": False}])


def row(title, *, collapsed=False):
    """The panels up to the next row are in it."""
    return {"type": "row", "title": title, "collapsed": collapsed, "panels": [],
            "gridPos": {"w": WIDTH, "h": 1}}


# ---------------------------------------------------------------- variables, annotations
def choice(name, label, series, value=None, *, several=True, everything=True):
    """The values of a label, `name` if not said otherwise, that some series have."""
    text = f"label_values({expression(series)}, {value or name})"
    all_of_them = {"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}}
    return {"name": name, "label": label, "type": "query", "datasource": DATASOURCE,
            "query": {"qryType": 1, "query": text,
                      "refId": "PrometheusVariableQueryEditor-VariableQuery"},
            "refresh": 2, "sort": 7, "multi": several, "includeAll": everything,
            **(all_of_them if everything else {})}


def datasource():
    return {"name": "datasource", "label": "Data source", "type": "datasource",
            "query": "prometheus", "hide": 0, "refresh": 1, "regex": "", "multi": False,
            "includeAll": False}


def annotation(name, colour, expr, *, title, text="", **more):
    return {"name": name, "enable": True, "hide": False, "iconColor": colour,
            "datasource": DATASOURCE, "target": {"refId": "Anno", "expr": expression(expr)},
            "titleFormat": title, "textFormat": text, **more}


# ---------------------------------------------------------------- the whole
def laid_out(made):
    """From left to right, in lines as high as their highest panel, below the title of their row."""
    placed, head = [], None
    x = y = line = 0
    for number, each in enumerate(made, start=1):
        place = each["gridPos"]
        if each["type"] == "row" or x + place["w"] > WIDTH:
            x, y, line = 0, y + line, 0
        if each["type"] == "row" and head and head["collapsed"]:
            # It takes one line, and pushes what is below it away when it is opened.
            y = head["gridPos"]["y"] + 1
        each |= {"id": number, "gridPos": {**place, "x": x, "y": y}}
        x, line = x + place["w"], max(line, place["h"])
        if each["type"] == "row":
            head = each
        (head["panels"] if head["collapsed"] and each is not head else placed).append(each)
    return placed


def dashboard(name, source):
    """Of a module that has rows() and says which nodes it is about."""
    return {
        "uid": f"kubecliff-{name}",
        "title": f"kubecliff / {source.TITLE}",
        "description": source.__doc__,
        "tags": ["kubecliff"],
        "schemaVersion": 42,
        "version": 1,
        "editable": True,
        "timezone": "browser",
        "time": {"from": source.SINCE, "to": "now"},
        "refresh": "1m",
        "timepicker": {},
        "graphTooltip": 1,
        "fiscalYearStartMonth": 0,
        "links": [{"type": "dashboards", "title": "kubecliff", "tags": ["kubecliff"],
                   "asDropdown": False, "includeVars": True, "keepTime": True,
                   "targetBlank": False, "icon": "external link", "tooltip": "", "url": ""}],
        "templating": {"list": [datasource(), *source.VARIABLES]},
        "annotations": {"list": source.ANNOTATIONS},
        "panels": laid_out(source.rows()),
    }
