"""What scripts/e2e-page has told, for all tests."""

import pathlib

prefix = ""  # of the names of network namespaces, this run's alone
state = pathlib.Path()  # a folder that goes when the tests end
logs = pathlib.Path()  # a folder that stays
pictures = pathlib.Path()  # another
kubecliff = ""  # the program
make_page = ""  # a program that prints the pages of made-up reports
make_ruleset = ""  # a program that prints rules of as many Services as are wanted
page = ""  # a page that is served already; empty: one is made


def take(arguments):
    """What a command line says of these."""
    for name, value in vars(arguments).items():
        if name in globals():
            globals()[name] = type(globals()[name])(value)
