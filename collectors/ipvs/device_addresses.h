// Addresses of network devices, counted: kube-proxy's IPVS mode puts every address of a Service on
// kube-ipvs0.
// Source: net/ipv4/devinet.c, net/ipv6/addrconf.c (RTM_GETADDR).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/netlink_socket.h"

namespace kubecliff::ipvs {

// Whose address a message of an RTM_GETADDR dump is; nothing where it is broken or of another
// family.
struct DeviceAddress {
  AddressFamily family = AddressFamily::ipv4;
  std::uint32_t device = 0;  // its index
};
[[nodiscard]] std::optional<DeviceAddress> decode_address(const netlink::Message& message);

struct DeviceAddresses {
  std::string device;
  std::uint32_t ipv4 = 0;
  std::uint32_t ipv6 = 0;
};

// Of those devices that there are, in their order. One dump of the addresses of all devices, on a
// socket of NETLINK_ROUTE, and none where there is no such device.
[[nodiscard]] Result<std::vector<DeviceAddresses>> count_addresses(
    netlink::Socket& socket, const std::vector<std::string>& devices);

}  // namespace kubecliff::ipvs
