#include "collectors/ipvs/device_addresses.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <span>

#include "collectors/kernel/bytes.h"

namespace kubecliff::ipvs {

std::optional<DeviceAddress> decode_address(const netlink::Message& message) {
  const auto header = read_as<ifaddrmsg>(message.payload);
  if (!header || (header->ifa_family != AF_INET && header->ifa_family != AF_INET6)) {
    return std::nullopt;
  }
  return DeviceAddress{
      .family = header->ifa_family == AF_INET ? AddressFamily::ipv4 : AddressFamily::ipv6,
      .device = header->ifa_index};
}

Result<std::vector<DeviceAddresses>> count_addresses(netlink::Socket& socket,
                                                     const std::vector<std::string>& devices) {
  std::vector<DeviceAddresses> counts;
  std::vector<std::uint32_t> indices;
  for (const std::string& device : devices) {
    if (const std::uint32_t index = ::if_nametoindex(device.c_str()); index != 0) {
      counts.push_back({.device = device});
      indices.push_back(index);
    }
  }
  if (counts.empty()) {
    return counts;
  }
  ifaddrmsg header{};
  header.ifa_family = AF_UNSPEC;
  netlink::Request question =
      netlink::Request::route(RTM_GETADDR, NLM_F_DUMP, std::as_bytes(std::span{&header, 1}));
  const Result<void> asked =
      socket.ask(question, [&](const netlink::Message& message) -> Result<void> {
        const auto address = decode_address(message);
        if (!address) {
          return {};
        }
        const auto found = std::ranges::find(indices, address->device);
        if (found != indices.end()) {
          DeviceAddresses& count = counts[static_cast<std::size_t>(found - indices.begin())];
          ++(address->family == AddressFamily::ipv4 ? count.ipv4 : count.ipv6);
        }
        return {};
      });
  if (!asked) {
    return prefixed("list addresses", asked.error());
  }
  return counts;
}

}  // namespace kubecliff::ipvs
