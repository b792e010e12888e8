// One datagram, each message through every listing that messages are for.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "collectors/kernel/netlink_message.h"
#include "exporter/evidence/kernel_log.h"
#include "exporter/evidence/nft_listing.h"
#include "exporter/evidence/rtnetlink_listing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;            // NOLINT(*-using-namespace)
  using namespace kubecliff::evidence;  // NOLINT(*-using-namespace)

  Listing listing{.wanted = Wanted::rules_and_names, .lines = Lines{std::size_t{1} << 20U}};
  Lines lines{std::size_t{1} << 20U};
  Names names;
  DeviceNames devices;
  NftSetTypes types{.key = 41 << 6 | 7,
                    .data = 7 << 6 | 13};  // ifname . ipv4_addr : ipv4_addr . inet_service
  netlink::Messages messages{std::as_bytes(std::span{data, size})};
  for (netlink::Message message; messages.next(message);) {
    static_cast<void>(list_nft_rule(message, listing));
    if (const auto set = decode_nft_set(message)) {
      types = set->types;
    }
    static_cast<void>(list_nft_elements(message, types, listing));
    static_cast<void>(list_link(message, devices, lines, names));
    static_cast<void>(list_address(message, devices, lines));
    static_cast<void>(list_route(message, devices, lines));
  }
  for (Lines* all : {&listing.lines, &lines}) {
    const std::size_t kept = all->kept();
    const std::string text = all->take();
    if (kept != static_cast<std::size_t>(std::ranges::count(text, '\n'))) {
      std::abort();
    }
  }
  if (const auto line = log_line({reinterpret_cast<const char*>(data), size})) {
    static_cast<void>(names_in(*line));
    if (line->contains('\n')) {
      std::abort();
    }
  }
  return 0;
}
