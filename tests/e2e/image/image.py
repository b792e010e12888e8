"""The image as its root and its configuration tell: packages, files, the program in it."""

import functools
import pathlib
import subprocess

import settings

PROGRAM = "/usr/bin/kubecliff"


def inside(path):
    """A path of the image, as one of this machine; links are followed within the image."""
    found = settings.root
    for part in pathlib.PurePosixPath(path).parts:
        if part == "/":
            continue
        found = found / part
        if found.is_symlink():
            target = found.readlink()
            found = inside(target if target.is_absolute() else "/" / found.parent.relative_to(settings.root) / target)
    return found


def name(path):
    """The other way round."""
    return f"/{path.relative_to(settings.root)}"


@functools.cache
def files():
    """All but folders."""
    return sorted(path for path in settings.root.rglob("*") if path.is_symlink() or not path.is_dir())


def run(*command):
    """The program in the image, and nothing else of this machine beside the kernel."""
    return subprocess.run(["chroot", settings.root, PROGRAM, *command], capture_output=True, text=True,
                          check=False, timeout=20)


def fields(text):
    """Of a paragraph as dpkg writes it; lines that go on are left out."""
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line and not line.startswith(" "))


@functools.cache
def owners():
    """Of each of Debian's files, by its path without a leading /usr: the package. Of the second target, which has the
    same libraries and dpkg's lists."""
    found = {}
    for file in (settings.simulate / "var/lib/dpkg/info").glob("*.list"):
        package = file.stem.split(":")[0]
        for path in file.read_text().splitlines():
            found[path.removeprefix("/usr")] = package
    return found


@functools.cache
def packages():
    """What scanners see: for each package its fields."""
    found = {}
    for file in inside("/var/lib/dpkg/status.d").iterdir():
        entry = fields(file.read_text())
        found[entry["Package"]] = entry
    return found


def is_elf(path):
    return not path.is_symlink() and path.open("rb").read(4) == b"\x7fELF"


def readelf(option, path):
    done = subprocess.run(["readelf", "--wide", option, path], capture_output=True, text=True, check=True)
    return done.stdout
