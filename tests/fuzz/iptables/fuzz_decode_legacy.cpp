// The blob of a legacy table, and what the kernel said of it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "collectors/iptables/chain_record.h"
#include "collectors/iptables/decode_legacy.h"
#include "collectors/iptables/service_links.h"
#include "tests/fuzz/iptables/legacy_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;  // NOLINT(*-using-namespace)

  const Bytes bytes = std::as_bytes(std::span{data, size});
  const auto input = read_as<fuzz::LegacyInput>(bytes);
  if (!input) {
    return 0;
  }
  const auto decoded =
      iptables::decode_legacy(bytes.subspan(sizeof(fuzz::LegacyInput)), input->info,
                              input->ipv6 != 0 ? AddressFamily::ipv6 : AddressFamily::ipv4);
  if (!decoded) {
    return 0;
  }
  const iptables::TableFigures figures = iptables::summarize(decoded->chains, decoded->built_in);
  if (figures.rules + figures.chains > input->info.entries || figures.duplicates > figures.rules ||
      figures.services > figures.rules || figures.dangling_jumps > figures.rules) {
    std::abort();
  }
  if (iptables::list_services(decoded->chains, decoded->links).services.size() > figures.rules) {
    std::abort();
  }
  std::uint32_t visited = 0;
  const auto seen =
      iptables::visit_legacy(bytes.subspan(sizeof(fuzz::LegacyInput)), input->info,
                             input->ipv6 != 0 ? AddressFamily::ipv6 : AddressFamily::ipv4,
                             {.begin_chain = [](std::string_view) {},
                              .add =
                                  [&](const iptables::Rule& rule) {
                                    ++visited;
                                    if (rule.comment.size() > 255) {
                                      std::abort();
                                    }
                                  }});
  if (!seen || visited > figures.rules) {
    std::abort();
  }
  return 0;
}
