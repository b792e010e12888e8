// Matches and targets of xtables, as the kernel stores them for either backend: name, and the bytes
// of the extension's own struct.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/support/fake_netlink.h"

namespace kubecliff::test {

struct XtablesExtension {
  std::string name;
  ByteVector info = {};
  std::uint8_t revision = 0;
};

// Matches.
[[nodiscard]] XtablesExtension statistic_random(double probability);
[[nodiscard]] XtablesExtension statistic_nth(unsigned every);
[[nodiscard]] XtablesExtension recent(std::string_view list);
[[nodiscard]] XtablesExtension comment(std::string_view text);

// `--dport first:last` of a protocol; `inverted` with `!`.
enum class Sense : std::uint8_t { straight, inverted };
[[nodiscard]] XtablesExtension tcp_port(std::uint16_t first, std::uint16_t last,
                                        Sense sense = Sense::straight);
[[nodiscard]] XtablesExtension udp_port(std::uint16_t first, std::uint16_t last,
                                        Sense sense = Sense::straight);
[[nodiscard]] XtablesExtension sctp_port(std::uint16_t first, std::uint16_t last,
                                         Sense sense = Sense::straight);

// The target DNAT to a range of addresses, of 4 or 16 bytes, and ports. Revision 0 has IPv4 only.
struct DnatRange {
  ByteVector first;
  ByteVector last;
  std::uint16_t first_port = 0;
  std::uint16_t last_port = 0;
};
[[nodiscard]] XtablesExtension dnat(std::uint8_t revision, const DnatRange& to);

// The target CT, with and without --notrack.
[[nodiscard]] XtablesExtension ct_notrack();
[[nodiscard]] XtablesExtension ct_zone(unsigned zone);

}  // namespace kubecliff::test
