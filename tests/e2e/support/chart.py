"""The chart, rendered by helm: what it makes of values, and what it says where it refuses them."""

import functools
import json
import pathlib
import re
import subprocess

import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
CHART = REPOSITORY / "helm" / "kubecliff"
RELEASE = "kubecliff"  # its name, and its namespace
FOLDER = "/etc/kubecliff/"  # where containers have their files

# Values by the name of what they try. Between them they reach every line of the templates.
CASES = {file.stem: yaml.safe_load(file.read_text())
         for file in sorted((REPOSITORY / "tests/e2e/helm/cases").iterdir())}

tools = pathlib.Path()  # what scripts/bootstrap --helm made; told before any test runs


def helm(*arguments, values=None):
    return subprocess.run([tools / "helm", *map(str, arguments)], capture_output=True,
                          text=True, check=False, input=json.dumps(values))


def template(values):
    return helm("template", RELEASE, CHART, f"--namespace={RELEASE}", "--values=-", values=values)


@functools.cache
def text(case):
    done = template(CASES[case])
    if done.returncode:
        raise AssertionError(f"{case}: {done.stderr}")
    return done.stdout


def parse(manifests):
    return [each for each in yaml.load_all(manifests, yaml.CSafeLoader) if each]


@functools.cache
def objects(case):
    """Those of a case, not to be changed."""
    return parse(text(case))


def render(values):
    done = template(values)
    if done.returncode:
        raise AssertionError(done.stderr)
    return parse(done.stdout)


def refusal(values):
    done = template(values)
    if not done.returncode:
        raise AssertionError(f"not refused: {values}")
    return done.stderr


def of_kind(kind, found):
    return [each for each in found if each["kind"] == kind]


def named(kind, name, found):
    one, = (each for each in of_kind(kind, found) if each["metadata"]["name"] == name)
    return one


def workloads(found):
    return of_kind("DaemonSet", found) + of_kind("Deployment", found)


def container(workload, name="kubecliff"):
    one, = (each for each in workload["spec"]["template"]["spec"]["containers"] if each["name"] == name)
    return one


def filled_in(arguments, values):
    """With the values of variables, as kubelet does it."""
    return [re.sub(r"\$\((\w+)\)", lambda name: values[name[1]], text) for text in arguments]


def arguments(its, values, folder):
    """Those of a container whose variables have these values, and which has its files in a folder of ours."""
    return filled_in([text.replace(FOLDER, f"{folder}/") for text in its["args"]], values)
