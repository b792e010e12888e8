"""What scripts/e2e-helm has told, for all tests."""

import pathlib

kubecliff = pathlib.Path()  # the program
logs = pathlib.Path()  # a folder that stays
