// Generic netlink: families that have no protocol number of their own.
#pragma once

#include <cstdint>
#include <string_view>

#include "collectors/core/result.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/netlink_socket.h"

namespace kubecliff::netlink {

// The number by which `family` is asked, on a socket of NETLINK_GENERIC; unavailable where the
// kernel has none of that name. Looks through all families: asked for one by name, the kernel would
// load its module.
[[nodiscard]] Result<std::uint16_t> find_generic_family(Socket& socket, std::string_view family);

// What follows genlmsghdr.
[[nodiscard]] Bytes generic_attributes(const Message& message);

}  // namespace kubecliff::netlink
