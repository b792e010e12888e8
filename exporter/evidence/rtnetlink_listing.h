// Devices, addresses and routes as lines of JSON. Pure functions over bytes.
// Source: include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "collectors/kernel/netlink_message.h"
#include "exporter/evidence/json_lines.h"

namespace kubecliff::evidence {

// Names of devices by index, as list_link() finds them.
using DeviceNames = std::map<std::uint32_t, std::string>;

// A message of an RTM_GETLINK, RTM_GETADDR or RTM_GETROUTE dump. False where it is broken. What a
// device is called is learned, unless it is a name that everybody's devices have.
[[nodiscard]] bool list_link(const netlink::Message& message, DeviceNames& devices, Lines& lines,
                             Names& names);
[[nodiscard]] bool list_address(const netlink::Message& message, const DeviceNames& devices,
                                Lines& lines);
[[nodiscard]] bool list_route(const netlink::Message& message, const DeviceNames& devices,
                              Lines& lines);

}  // namespace kubecliff::evidence
