"""What scripts/e2e-image has told, for all tests."""

import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]

root = pathlib.Path()  # of the image, unpacked; not to be written to
config = {}  # the image's, as OCI has it: User, Env, Entrypoint, Labels...
simulate = pathlib.Path()  # the root of the second target
kubecliff = pathlib.Path()  # the program, built outside the image
tools = pathlib.Path()  # a folder with helm and node_modules
state = pathlib.Path()  # a folder that goes
logs = pathlib.Path()  # a folder that stays
prefix = ""  # for what a test names outside its own process: network namespaces, containers
