// The blob of a legacy table, and what the kernel said of it, as lines of JSON.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "exporter/evidence/legacy_listing.h"
#include "tests/fuzz/iptables/legacy_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;  // NOLINT(*-using-namespace)

  const Bytes bytes = std::as_bytes(std::span{data, size});
  const auto input = read_as<fuzz::LegacyInput>(bytes);
  if (!input) {
    return 0;
  }
  evidence::Listing listing{.wanted = evidence::Wanted::rules_and_names,
                            .lines = evidence::Lines{std::size_t{1} << 20U}};
  static_cast<void>(evidence::list_legacy(
      bytes.subspan(sizeof(fuzz::LegacyInput)), input->info,
      input->ipv6 != 0 ? AddressFamily::ipv6 : AddressFamily::ipv4, "nat", listing));
  const std::size_t kept = listing.lines.kept();
  const std::string text = listing.lines.take();
  // One line for each rule, whatever the names in it.
  if (kept != static_cast<std::size_t>(std::ranges::count(text, '\n'))) {
    std::abort();
  }
  return 0;
}
