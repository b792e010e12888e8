"""What is in the image: all that the program loads, nothing that it does not, and what says whose it is."""

import re
import stat
import subprocess
import unittest

import image
import settings
from progress import say

# 31.4 MB are there, 6 of them the program's: what Debian's updates change are kilobytes, a library more is noticed.
MOST_BYTES = 33_000_000
# Beside libraries and licences.
OTHERS = {
    "/etc/debian_version", "/etc/group", "/etc/kubecliff/kubecliff.yml", "/etc/nsswitch.conf", "/etc/os-release",
    "/etc/passwd", "/etc/ssl/certs/ca-certificates.crt", "/usr/bin/kubecliff", "/usr/lib/os-release",
}
LINKS = {"/bin", "/lib", "/lib64"}


def libraries():
    return [path for path in image.files() if image.is_elf(path) and image.name(path) != image.PROGRAM]


def interpreter(path):
    """The dynamic linker, whose path the architecture decides."""
    found = re.search(r"Requesting program interpreter: ([^\]]*)\]", image.readelf("--program-headers", path))
    return found.group(1)


def resolve(path):
    """Paths of all that a file of the image loads when it is loaded, by the image's own linker; raises where one is
    not there."""
    linker = interpreter(image.inside(image.PROGRAM))
    done = subprocess.run(["chroot", settings.root, linker, "--list", path], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0 or "not found" in done.stdout:
        raise AssertionError(f"{path}: {done.stdout}{done.stderr}")
    return {image.inside(found) for found in re.findall(r"(/\S+) \(0x", done.stdout)} | {image.inside(linker)}


def loaded_by_name(path):
    """Names of libraries in a program's text: what it loads when it needs it. Other text may stand right before."""
    return set(re.findall(rb"lib[a-z0-9_+-]+\.so(?:\.\d+)*(?=\0)", path.read_bytes()))


def size(path):
    return 0 if path.is_symlink() else path.stat().st_size


class ClosureTest(unittest.TestCase):
    def test_what_the_program_loads_is_there_and_no_other_library(self):
        program = image.inside(image.PROGRAM)
        dynamic = image.readelf("--dynamic", program)
        needed = {name.encode() for name in re.findall(r"Shared library: \[(.*)\]", dynamic)}
        # The two names that civetweb asks for stand for what is linked: exporter/http/civetweb_openssl.cpp.
        later = loaded_by_name(program) - needed - {b"libssl.so", b"libcrypto.so"}
        self.assertEqual(later, {b"libcurl.so.4"})
        curl = next(path for path in image.files() if path.name == "libcurl.so.4")
        wanted = resolve(image.PROGRAM) | resolve(image.name(curl)) | {image.inside(image.name(curl))}
        self.assertEqual(wanted, set(libraries()))

    def test_nothing_else_is_there(self):
        names = {image.name(path) for path in image.files()}
        known = {image.name(path) for path in libraries()}
        known |= {image.name(path) for path in image.files()
                  if path.is_symlink() and image.inside(image.name(path)) in libraries()}
        self.assertLessEqual(OTHERS, names)
        for name in sorted(names - known - OTHERS - LINKS):
            self.assertRegex(name, r"^(/usr/share/doc/[^/]*/copyright|/usr/share/common-licenses/[^/]*"
                                   r"|/var/lib/dpkg/status\.d/[^/]*)$")

    def test_nobody_can_write_or_gain_rights_there(self):
        for path in [settings.root, *settings.root.rglob("*")]:
            if path.is_symlink():
                continue
            state = path.stat()
            with self.subTest(path=path):
                self.assertEqual((state.st_uid, state.st_gid), (0, 0))
                self.assertFalse(state.st_mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID))
                self.assertTrue(stat.S_ISDIR(state.st_mode) or stat.S_ISREG(state.st_mode))

    def test_only_the_program_and_libraries_can_be_executed(self):
        for path in image.files():
            if not path.is_symlink() and path.stat().st_mode & 0o111:
                self.assertTrue(image.is_elf(path), path)
        self.assertEqual([path.name for path in image.inside("/usr/bin").iterdir()], ["kubecliff"])

    def test_no_link_leads_nowhere(self):
        for path in image.files():
            self.assertTrue(image.inside(image.name(path)).exists(), path)

    def test_users_have_names_and_hosts_are_asked_of_files_and_dns(self):
        self.assertIn("nonroot:x:65534:65534:", image.inside("/etc/passwd").read_text())
        self.assertIn("nonroot:x:65534:", image.inside("/etc/group").read_text())
        self.assertIn("hosts: files dns\n", image.inside("/etc/nsswitch.conf").read_text())

    def test_the_sample_configuration_is_right(self):
        done = image.run("check-config", "/etc/kubecliff/kubecliff.yml")
        self.assertEqual((done.returncode, done.stdout), (0, "/etc/kubecliff/kubecliff.yml: ok\n"), done.stderr)

    def test_it_is_small(self):
        """And says what it spends its bytes on."""
        spent = {"kubecliff": size(image.inside(image.PROGRAM))}
        for path in libraries():
            spent[path.name] = size(path)
        total = sum(map(size, image.files()))
        curl = next(path for path in image.files() if path.name == "libcurl.so.4")
        only_curls = resolve(image.name(curl)) | {image.inside(image.name(curl))}
        only_curls -= resolve(image.PROGRAM)
        spent["all that is no library"] = total - sum(spent.values())
        say(f"{'bytes':>10}  file")
        for name, bytes_ in sorted(spent.items(), key=lambda item: -item[1])[:15]:
            say(f"{bytes_:10}  {name}")
        say(f"{sum(map(size, only_curls)):10}  libcurl and what it alone loads: {len(only_curls)} libraries")
        say(f"{total:10}  all")
        self.assertLess(total, MOST_BYTES)


class HardeningTest(unittest.TestCase):
    def setUp(self):
        self.program = image.inside(image.PROGRAM)

    def test_it_lies_where_nobody_knows(self):
        self.assertRegex(image.readelf("--file-header", self.program), r"Type:\s+DYN \(Position-Independent Executable")

    def test_what_is_resolved_is_resolved_at_the_start_and_then_read_only(self):
        dynamic = image.readelf("--dynamic", self.program)
        self.assertIn("BIND_NOW", dynamic)
        self.assertRegex(dynamic, r"FLAGS_1\).*NOW.*PIE")
        self.assertNotRegex(dynamic, r"\((RPATH|RUNPATH|TEXTREL)\)")
        self.assertIn("GNU_RELRO", image.readelf("--program-headers", self.program))

    def test_nothing_is_written_and_executed(self):
        headers = re.findall(r"^\s+(LOAD|GNU_STACK)\s.* ([R ][W ][E ])\s+0x", image.readelf("--program-headers",
                                                                                         self.program), re.M)
        self.assertIn(("GNU_STACK", "RW "), headers)
        self.assertFalse([flags for kind, flags in headers if "W" in flags and "E" in flags])

    def test_calls_are_checked(self):
        symbols = image.readelf("--dyn-syms", self.program)
        self.assertIn("__stack_chk_fail@", symbols)
        self.assertRegex(symbols, r"__(memcpy|memmove|memset|read|recv|snprintf|vsnprintf|fdelt|poll)_chk@")

    def test_it_is_stripped(self):
        self.assertNotRegex(image.readelf("--sections", self.program), r"\.(symtab|debug_info)")


if __name__ == "__main__":
    unittest.main()
