"""What scripts/e2e-image has told, for all tests."""

import pathlib

root = pathlib.Path()  # of the image, unpacked; not to be written to
config = {}  # the image's, as OCI has it: User, Env, Entrypoint, Labels...
simulate = pathlib.Path()  # the root of the second target
state = pathlib.Path()  # a folder that goes
logs = pathlib.Path()  # a folder that stays
prefix = ""  # for what a test names outside its own process: network namespaces, containers
