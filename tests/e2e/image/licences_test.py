"""docs/licences.md, held to what is in the image."""

import re
import unittest

import image
from chart import REPOSITORY

LICENCES = REPOSITORY / "docs" / "licences.md"
# By licence, as the list has it (SPDX): Debian's short names for it, where a copyright file is machine-readable.
SHORT = {
    "Apache-2.0": {"Apache-2.0"},
    "BSD-2-Clause": {"BSD-2-clause"},
    "BSD-3-Clause": {"BSD-3-Clause", "BSD-3-clause", "BSD3"},
    "BSD-4-Clause": {"BSD-4-clause"},
    "curl": {"curl"},
    "GPL-2.0-or-later": {"GPL-2+", "GPL-2.0+"},
    "LGPL-2.0-or-later": {"LGPL-2+"},
    "LGPL-2.1-only": {"LGPL-2.1"},
    "LGPL-2.1-or-later": {"LGPL-2.1+"},
    "LGPL-3.0-or-later OR GPL-2.0-or-later": {"GPL-2+ or LGPL-3+", "LGPL-3+ or GPL-2+"},
    "MIT": {"Expat", "GPL or MIT-US-export", "MIT", "X11"},
    "MPL-2.0": {"MPL-2.0"},
    "OLDAP-2.8": {"OpenLDAP-2.8"},
    "Zlib": {"Zlib"},
}
# By package, what the others say.
WORDS = {name: re.compile(words) for name, words in {
    "base-files": "General Public License",
    "libc-ares2": "Permission to use, copy, modify, and distribute this",
    "libc6": "GNU Lesser\\s+General Public",
    "libcrypt1": r"version 2\.1 \(or, at your option, any later version\)",
    "libgcc-s1": "GCC Runtime Library Exception",
    "libgnutls30": r"License: LGPLv2\.1\+",
    "libgssapi-krb5-2": "Permission is hereby granted|Permission to use, copy, modify",
    "libk5crypto3": "Permission is hereby granted|Permission to use, copy, modify",
    "libkrb5-3": "Permission is hereby granted|Permission to use, copy, modify",
    "libkrb5support0": "Permission is hereby granted|Permission to use, copy, modify",
    "libnl-3-200": r"version 2\.1",
    "librtmp1": r"GNU Lesser General Public License",
    "libstdc++6": "GCC Runtime Library Exception",
    "libtasn1-6": r"(?i)LGPLv2\.1\+|Lesser\s+General\s+Public\s+License",
}.items()}

def tables():
    """By heading, the rows of its table as lists of cells, without the table's head."""
    found = {}
    heading = ""
    for line in LICENCES.read_text().splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| ") and not line.startswith("| |"):
            found.setdefault(heading, []).append([cell.strip() for cell in line.strip("|").split("|")])
    return {key: rows[1:] for key, rows in found.items()}


def listed(heading):
    """The packages in the first column of a table."""
    return [name for row in tables()[heading] for name in re.findall(r"[a-z0-9][a-z0-9.+-]+", row[0])]


class LicencesTest(unittest.TestCase):
    def test_the_list_names_each_package_once_and_no_other(self):
        self.assertEqual(sorted(listed("In the image")), sorted(image.packages()))
        self.assertEqual(len(listed("Compiled in")), len(set(listed("Compiled in"))))

    def test_each_has_its_copyright_file_in_the_image_and_no_other_has(self):
        folder = image.inside("/usr/share/doc")
        self.assertEqual({path.parent.name for path in folder.glob("*/copyright")},
                         set(listed("In the image")) | set(listed("Compiled in")) | {"kubecliff"})
        self.assertEqual((folder / "kubecliff" / "copyright").read_bytes(),
                         (REPOSITORY / "LICENSE").read_bytes())

    def test_what_is_compiled_in_is_what_is_built_with_and_has_no_library(self):
        build = (REPOSITORY / "scripts" / "bootstrap").read_text()
        for name in listed("Compiled in"):
            self.assertIn(name, build)

    def test_texts_of_licences_that_are_named_are_there(self):
        named = set()
        for file in image.inside("/usr/share/doc").glob("*/copyright"):
            named |= set(re.findall(r"/usr/share/common-licenses/([A-Za-z0-9.-]*[A-Za-z0-9])",
                                    file.read_text(errors="replace")))
        self.assertTrue({"GPL-2", "GPL-3", "LGPL-2.1", "Apache-2.0"} <= named)
        for name in named:
            self.assertTrue(image.inside(f"/usr/share/common-licenses/{name}").is_file(), name)

    def test_the_licence_of_each_is_named_in_its_copyright_file(self):
        for heading in ("In the image", "Compiled in"):
            for packages, licence, *_ in tables()[heading]:
                for name in re.findall(r"[a-z0-9][a-z0-9.+-]+", packages):
                    with self.subTest(package=name, licence=licence):
                        self.assertTrue(self.names(name, licence))

    def names(self, package, licence):
        text = image.inside(f"/usr/share/doc/{package}/copyright").read_text(errors="replace")
        if text.startswith("Format:"):
            return SHORT[licence] & set(re.findall(r"(?m)^License: (.*)$", text))
        return WORDS[package].search(text)


if __name__ == "__main__":
    unittest.main()
