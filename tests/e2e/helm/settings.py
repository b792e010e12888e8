"""What scripts/e2e-helm has told, for all tests."""

import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
CHART = REPOSITORY / "helm" / "kubecliff"

kubecliff = pathlib.Path()  # the program
tools = pathlib.Path()  # a folder with helm and node_modules
logs = pathlib.Path()  # a folder that stays
