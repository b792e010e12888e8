#include "collectors/ipvs/ipset.h"

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "collectors/kernel/bytes.h"

namespace kubecliff::ipvs {
namespace {

using netlink::Attribute;
using netlink::Attributes;

// Those of IPv4, and those of IPv6, whose longest names are cut to the 31 characters that a set's
// may have.
constexpr std::array<std::string_view, kMostKubeProxySets> kKubeProxySets{
    "KUBE-LOOP-BACK",
    "KUBE-CLUSTER-IP",
    "KUBE-EXTERNAL-IP",
    "KUBE-EXTERNAL-IP-LOCAL",
    "KUBE-LOAD-BALANCER",
    "KUBE-LOAD-BALANCER-LOCAL",
    "KUBE-LOAD-BALANCER-FW",
    "KUBE-LOAD-BALANCER-SOURCE-IP",
    "KUBE-LOAD-BALANCER-SOURCE-CIDR",
    "KUBE-NODE-PORT-TCP",
    "KUBE-NODE-PORT-LOCAL-TCP",
    "KUBE-NODE-PORT-UDP",
    "KUBE-NODE-PORT-LOCAL-UDP",
    "KUBE-NODE-PORT-SCTP-HASH",
    "KUBE-NODE-PORT-LOCAL-SCTP-HASH",
    "KUBE-HEALTH-CHECK-NODE-PORT",
    "KUBE-IPVS-IPS",
    "KUBE-6-LOOP-BACK",
    "KUBE-6-CLUSTER-IP",
    "KUBE-6-EXTERNAL-IP",
    "KUBE-6-EXTERNAL-IP-LOCAL",
    "KUBE-6-LOAD-BALANCER",
    "KUBE-6-LOAD-BALANCER-LOCAL",
    "KUBE-6-LOAD-BALANCER-FW",
    "KUBE-6-LOAD-BALANCER-SOURCE-IP",
    "KUBE-6-LOAD-BALANCER-SOURCE-CID",
    "KUBE-6-NODE-PORT-TCP",
    "KUBE-6-NODE-PORT-LOCAL-TCP",
    "KUBE-6-NODE-PORT-UDP",
    "KUBE-6-NODE-PORT-LOCAL-UDP",
    "KUBE-6-NODE-PORT-SCTP-HASH",
    "KUBE-6-NODE-PORT-LOCAL-SCTP-HAS",
    "KUBE-6-HEALTH-CHECK-NODE-PORT",
    "KUBE-6-IPVS-IPS",
};

// IPSET_PROTOCOL_MIN of every kernel since 2.6.39.
constexpr std::uint8_t kProtocol = 6;

}  // namespace

std::optional<std::string_view> kube_proxy_set(std::string_view name) {
  const auto known = std::ranges::find(kKubeProxySets, name);
  return known == kKubeProxySets.end() ? std::nullopt : std::optional{*known};
}

std::optional<IpSet> decode_ipset(const netlink::Message& message) {
  const Bytes all = netlink::after_header(message.payload, sizeof(nfgenmsg));
  std::optional<std::uint32_t> entries;
  std::optional<std::uint32_t> most;
  std::optional<std::uint16_t> first_port;
  std::optional<std::uint16_t> last_port;
  Attribute attribute;
  Attributes attributes{netlink::find_attribute(all, IPSET_ATTR_DATA)};
  while (attributes.next(attribute)) {
    switch (attribute.type) {
      case IPSET_ATTR_ELEMENTS:
        entries = read_be<std::uint32_t>(attribute.payload);
        break;
      case IPSET_ATTR_MAXELEM:
        most = read_be<std::uint32_t>(attribute.payload);
        break;
      case IPSET_ATTR_PORT_FROM:
        first_port = read_be<std::uint16_t>(attribute.payload);
        break;
      case IPSET_ATTR_PORT_TO:
        last_port = read_be<std::uint16_t>(attribute.payload);
        break;
      default:
        break;
    }
  }
  // A bitmap of ports has room for each of its range.
  if (!most && first_port && last_port && *last_port >= *first_port) {
    most = std::uint32_t{*last_port} - *first_port + 1;
  }
  const std::string_view name = text_of(netlink::find_attribute(all, IPSET_ATTR_SETNAME));
  if (attributes.malformed() || name.empty() || !entries || !most) {
    return std::nullopt;
  }
  return IpSet{.name = name, .entries = *entries, .most = *most};
}

Result<std::vector<IpSet>> read_ipsets(netlink::Socket& socket) {
  netlink::Request question =
      netlink::Request::nfnetlink(NFNL_SUBSYS_IPSET, IPSET_CMD_LIST, NLM_F_DUMP, AF_INET);
  const std::array<std::byte, 4> headers_only{std::byte{0}, std::byte{0}, std::byte{0},
                                              std::byte{IPSET_FLAG_LIST_HEADER}};
  question.put(IPSET_ATTR_PROTOCOL, bytes_of(kProtocol))
      .put(IPSET_ATTR_FLAGS | NLA_F_NET_BYTEORDER, headers_only);
  std::vector<IpSet> sets;
  const Result<void> asked =
      socket.ask(question, [&](const netlink::Message& message) -> Result<void> {
        const Bytes all = netlink::after_header(message.payload, sizeof(nfgenmsg));
        const auto name = kube_proxy_set(text_of(netlink::find_attribute(all, IPSET_ATTR_SETNAME)));
        if (!name) {
          return {};
        }
        auto set = decode_ipset(message);
        if (!set) {
          return fail(ErrorKind::malformed, "broken message of a set");
        }
        set->name = *name;
        sets.push_back(*set);
        return {};
      });
  if (!asked) {
    return prefixed("ipset: list sets", asked.error());
  }
  return sets;
}

}  // namespace kubecliff::ipvs
