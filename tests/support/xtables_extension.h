// Matches and targets of xtables, as the kernel stores them for either backend: name, and the bytes
// of the extension's own struct.
#pragma once

#include <string>
#include <string_view>

#include "tests/support/fake_netlink.h"

namespace kubecliff::test {

struct XtablesExtension {
  std::string name;
  ByteVector info = {};
};

// Matches.
[[nodiscard]] XtablesExtension statistic_random(double probability);
[[nodiscard]] XtablesExtension statistic_nth(unsigned every);
[[nodiscard]] XtablesExtension recent(std::string_view list);
[[nodiscard]] XtablesExtension comment(std::string_view text);

// The target CT, with and without --notrack.
[[nodiscard]] XtablesExtension ct_notrack();
[[nodiscard]] XtablesExtension ct_zone(unsigned zone);

}  // namespace kubecliff::test
