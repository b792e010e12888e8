"""What scripts/e2e-monitoring has told, for all tests."""

import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]

prefix = ""  # of the names of network namespaces, this run's alone
state = pathlib.Path()  # a folder that goes when the tests end
logs = pathlib.Path()  # a folder that stays
kubecliff = ""  # the program
make_ruleset = ""  # a program that prints rules of as many Services as are wanted
types = pathlib.Path()  # node_modules with @grafana/schema and typescript


def take(arguments):
    """What a command line says of these."""
    for name, value in vars(arguments).items():
        if name in globals():
            globals()[name] = type(globals()[name])(value)
