"""Manifests against the types of Kubernetes and of the operators, as npm has them."""

import json
import subprocess
import unittest

import chart
from chart import CASES, objects

PACKAGES = {"monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator/",
            "grafana.integreatly.org/v1beta1": "@kubernetes-models/grafana-operator/"}
UNTYPED = {"VerticalPodAutoscaler"}  # no package has it


def package(name):
    return PACKAGES.get(name.rpartition("/")[0], "kubernetes-models/")


def typescript():
    """A statement for each object; same ones once."""
    imports, lines = {}, {}
    for case in CASES:
        for each in objects(case):
            version, kind = each["apiVersion"], each["kind"]
            if kind in UNTYPED:
                continue
            name = f"{version}/{kind}"
            imports[name] = f"type{len(imports)}" if name not in imports else imports[name]
            lines[f"({json.dumps(each)}) satisfies {imports[name]}.I{kind};"] = f"// {case}"
    head = [f'import type * as {short} from "{package(name)}{name}";' for name, short in imports.items()]
    return "\n".join(head + [f"{comment}\n{line}" for line, comment in lines.items()])


class TypesTest(unittest.TestCase):
    longMessage = False

    def compile(self, text):
        """What the compiler has to say."""
        source = chart.tools / "manifests.ts"
        source.write_text(text)
        done = subprocess.run(
            [chart.tools / "node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck",
             "--target", "es2022", "--module", "esnext", "--moduleResolution", "node10", source],
            capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def test_manifests_are_of_their_types(self):
        found = self.compile(typescript())
        self.assertEqual(found, "", found[:4000])

    def test_the_types_find_what_is_wrong(self):
        text = typescript()
        wrongs = {'"hostNetwork": true': '"hostNetwrok": true', '"resourceNames"': '"resourceName"',
                  '"podMetricsEndpoints"': '"podMetricEndpoints"', '"configMapRef"': '"configMpaRef"'}
        for right, wrong in wrongs.items():
            self.assertIn(right, text)
            text = text.replace(right, wrong, 1)
        found = self.compile(text)
        for wrong in wrongs.values():
            self.assertIn(wrong.split('"')[1], found, f"nothing said of {wrong}")


if __name__ == "__main__":
    unittest.main()
