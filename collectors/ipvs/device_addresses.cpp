#include "collectors/ipvs/device_addresses.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string_view>

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

namespace {

// Nothing where there is no such device. if_nametoindex() and its ioctl would load the module of
// that name instead.
Result<std::optional<std::uint32_t>> find_device(netlink::Socket& socket, std::string_view name) {
  const ifinfomsg header{};
  netlink::Request question = netlink::Request::plain(RTM_GETLINK, 0, bytes_of(header));
  question.put_text(IFLA_IFNAME, name);
  std::optional<std::uint32_t> index;
  const Result<void> asked =
      socket.ask(question, [&](const netlink::Message& message) -> Result<void> {
        if (const auto link = read_as<ifinfomsg>(message.payload)) {
          index = static_cast<std::uint32_t>(link->ifi_index);
        }
        return {};
      });
  if (!asked && asked.error().errno_value != ENODEV) {
    return std::unexpected(asked.error());
  }
  return index;
}

// Sets the numbers of `counts`, whose devices have the `indices`.
Result<void> dump_addresses(netlink::Socket& socket, const std::vector<std::uint32_t>& indices,
                            std::vector<DeviceAddresses>& counts) {
  for (DeviceAddresses& count : counts) {
    count.ipv4 = 0;
    count.ipv6 = 0;
  }
  ifaddrmsg header{};
  header.ifa_family = AF_UNSPEC;
  netlink::Request question = netlink::Request::plain(RTM_GETADDR, NLM_F_DUMP, bytes_of(header));
  return socket.ask(question, [&](const netlink::Message& message) -> Result<void> {
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
}

}  // namespace

Result<std::vector<DeviceAddresses>> count_addresses(netlink::Socket& socket,
                                                     const std::vector<std::string>& devices) {
  std::vector<DeviceAddresses> counts;
  std::vector<std::uint32_t> indices;
  for (const std::string& device : devices) {
    const auto index = find_device(socket, device);
    if (!index) {
      return prefixed("find device " + device, index.error());
    }
    if (*index) {
      counts.push_back({.device = device});
      indices.push_back(**index);
    }
  }
  if (counts.empty()) {
    return counts;
  }
  // kube-proxy adds them one by one.
  const Result<void> dumped =
      netlink::until_whole([&] { return dump_addresses(socket, indices, counts); });
  if (!dumped) {
    return prefixed("list addresses", dumped.error());
  }
  return counts;
}

}  // namespace kubecliff::ipvs
