"""The dashboards against Grafana's own types, as npm has them."""

import json
import subprocess
import unittest

import settings
from dashboards import DASHBOARDS

# Panels and queries have types of their own, by what they are.
KINDS = {"timeseries": "timeseries", "stat": "stat", "bargauge": "bargauge", "table": "table",
         "heatmap": "heatmap", "state-timeline": "statetimeline"}
# Of those kinds that have any.
FIELDS = {kind: f"{kind}.FieldConfig" for kind in ("timeseries", "table", "heatmap",
                                                   "statetimeline")}
HEAD = """
import type * as grafana from "@grafana/schema";
%s

// Grafana's enums are, in JSON, the words that they stand for.
type Words<T> = T extends string ? `${T}` : T extends object ? {[K in keyof T]: Words<T[K]>} : T;
interface Query extends grafana.DataQuery {
  expr: string; legendFormat: string; editorMode: "code"; range: boolean; instant: boolean;
  format?: "table" | "heatmap" | "time_series";
}
type Annotation = grafana.AnnotationQuery<Pick<Query, "refId" | "expr">>
  & {titleFormat: string; textFormat: string; useValueForTime?: boolean};
// Grafana takes any custom field; here only those of the panel's kind.
type Fields<F> = Omit<grafana.FieldConfigSource, "defaults">
  & {defaults: Omit<grafana.FieldConfig, "custom"> & {custom: Partial<F>}};
type PanelOf<O, F> = Omit<grafana.Panel, "options" | "targets" | "links" | "fieldConfig">
  & {options: O; targets: Query[]; links?: Partial<grafana.DashboardLink>[];
     fieldConfig: Fields<F>};
type Row = Omit<grafana.RowPanel, "panels"> & {panels: unknown[]};
type Whole = Omit<grafana.Dashboard, "panels" | "annotations">
  & {panels: unknown[]; annotations: {list: Annotation[]}};
"""


def typescript():
    """A statement for each panel, and for each dashboard without its panels."""
    composable = "@grafana/schema/dist/types/raw/composable"
    imports = "\n".join(
        f'import type * as {kind} from "{composable}/{kind}/panelcfg/x/types.gen";'
        for kind in KINDS.values())
    lines = [HEAD % imports]
    for name, dashboard in DASHBOARDS.items():
        whole = json.dumps({**dashboard, "panels": []})
        lines.append(f"// {name}\n({whole}) satisfies Words<Whole>;")
        for outer in dashboard["panels"]:
            if outer["type"] == "row":
                lines.append(f"({json.dumps({**outer, 'panels': []})}) satisfies Words<Row>;")
            for panel in outer["panels"] if outer["type"] == "row" else [outer]:
                kind = KINDS[panel["type"]]
                fields = FIELDS.get(kind, "Record<string, never>")
                lines.append(f"// {name}: {panel['title']}\n({json.dumps(panel)}) satisfies "
                             f"Words<PanelOf<{kind}.Options, {fields}>>;")
    return "\n".join(lines)


class TypesTest(unittest.TestCase):
    longMessage = False

    def compile(self, text):
        """What the compiler has to say."""
        source = settings.types.parent / "dashboards.ts"
        source.write_text(text)
        done = subprocess.run(
            [settings.types / ".bin" / "tsc", "--noEmit", "--strict", "--skipLibCheck",
             "--target", "es2022", "--module", "esnext", "--moduleResolution", "node10", source],
            capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def test_dashboards_are_of_grafanas_types(self):
        found = self.compile(typescript())
        self.assertEqual(found, "", found[:4000])

    def test_the_types_find_what_is_wrong(self):
        text = typescript()
        wrongs = {'"fillOpacity"': '"fillOpactiy"', '"textMode": "name"': '"textMode": "nmae"',
                  '"legendFormat"': '"legnedFormat"', '"keepTime"': '"keepTmie"'}
        for right, wrong in wrongs.items():
            self.assertIn(right, text, f"no {right}")
            text = text.replace(right, wrong, 1)
        found = self.compile(text)
        for wrong in wrongs.values():
            self.assertIn(wrong.split(": ")[-1], found, f"nothing said of {wrong}")
