// kube-proxy's ipsets: how many entries each has, and how many it may have. At its maximum a set
// takes no more, and what should have been in it is not served.
// Source: include/uapi/linux/netfilter/ipset/ip_set.h; net/netfilter/ipset/ip_set_core.c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/netlink_socket.h"

namespace kubecliff::ipvs {

struct IpSet {
  std::string_view name;
  std::uint32_t entries = 0;
  std::uint32_t most = 0;
};

// One set of an IPSET_CMD_LIST answer; the name points into the message. Nothing where it is broken
// or of a type without a maximum, such as a list of sets.
[[nodiscard]] std::optional<IpSet> decode_ipset(const netlink::Message& message);

// The name as kube-proxy gives it, good for ever; nothing where the set is somebody else's. Names
// that others make up, with hashes in them, are without number.
[[nodiscard]] std::optional<std::string_view> kube_proxy_set(std::string_view name);
inline constexpr std::size_t kMostKubeProxySets = 34;

// kube-proxy's sets of this network namespace: one dump of headers, without entries. Loads ip_set
// where that is a module: only for callers that know it to be there.
[[nodiscard]] Result<std::vector<IpSet>> read_ipsets(netlink::Socket& socket);

}  // namespace kubecliff::ipvs
