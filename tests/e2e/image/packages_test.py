"""Whose files these are: dpkg's entries, where scanners look."""

import unittest

import image
import settings

# Of which only some files are there, none of them a library.
WITHOUT_LIBRARY = {"base-files", "ca-certificates"}


def installed():
    """By name, dpkg's entries where the libraries are from."""
    text = (settings.simulate / "var/lib/dpkg/status").read_text()
    entries = map(image.fields, text.split("\n\n"))
    return {entry["Package"]: entry for entry in entries if entry}


class PackagesTest(unittest.TestCase):
    def test_each_file_of_debians_is_of_a_package_that_scanners_see(self):
        owners = {image.owners()[image.name(path).removeprefix("/usr")] for path in image.files()
                  if image.is_elf(path) and image.name(path) != image.PROGRAM}
        self.assertEqual(owners | WITHOUT_LIBRARY, set(image.packages()))

    def test_scanners_see_what_dpkg_had_installed(self):
        there = installed()
        for name, entry in image.packages().items():
            with self.subTest(package=name):
                self.assertEqual(entry["Status"], "install ok installed")
                for field in ("Version", "Architecture"):
                    self.assertEqual(entry[field], there[name][field])
                self.assertEqual(entry.get("Source"), there[name].get("Source"))

    def test_scanners_see_which_debian_it_is(self):
        release = dict(line.split("=", 1) for line in image.inside("/etc/os-release").read_text().splitlines())
        self.assertEqual((release["ID"], release["VERSION_ID"]), ("debian", '"12"'))
        self.assertRegex(image.inside("/etc/debian_version").read_text(), r"^12\.\d+\n$")

    def test_the_files_are_those_of_the_packages(self):
        for path in image.files():
            if image.is_elf(path) and image.name(path) != image.PROGRAM:
                original = settings.simulate / path.relative_to(settings.root)
                self.assertEqual(path.read_bytes(), original.read_bytes(), path)


if __name__ == "__main__":
    unittest.main()
