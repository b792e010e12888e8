#include "exporter/evidence/rtnetlink_listing.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "collectors/kernel/bytes.h"
#include "exporter/evidence/device_names.h"

namespace kubecliff::evidence {
namespace {

using netlink::after_header;
using netlink::find_attribute;
using netlink::Message;

std::string device_name(const DeviceNames& devices, std::uint32_t index) {
  const auto known = devices.find(index);
  return known == devices.end() ? "index " + std::to_string(index) : known->second;
}

std::optional<std::uint32_t> number(Bytes attributes, std::uint16_t type) {
  return read_as<std::uint32_t>(find_attribute(attributes, type));
}

// IFLA_OPERSTATE, as `ip link` writes it: RFC 2863.
std::string_view operational_state(std::uint8_t state) {
  constexpr std::array<std::string_view, 7> kStates{
      "UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"};
  return state < kStates.size() ? kStates[state] : "UNKNOWN";
}

std::string_view family_name(std::uint8_t family) {
  return family == AF_INET6 ? "ipv6" : "ipv4";
}

std::string_view route_type(std::uint8_t type) {
  constexpr std::array<std::string_view, 12> kTypes{
      "unspec",    "unicast",     "local",    "broadcast", "anycast", "multicast",
      "blackhole", "unreachable", "prohibit", "throw",     "nat",     "xresolve"};
  return type < kTypes.size() ? kTypes[type] : "other";
}

// What a route or one of its next hops goes through.
Json next_hop(Bytes attributes, std::uint32_t device, const DeviceNames& devices) {
  Json hop = Json::object();
  if (const Bytes gateway = find_attribute(attributes, RTA_GATEWAY); !gateway.empty()) {
    hop["gateway"] = address_text(gateway);
  } else if (const Bytes via = find_attribute(attributes, RTA_VIA); via.size() > 2) {
    hop["gateway"] = address_text(via.subspan(2));  // of the other family, which stands first
  }
  if (device != 0) {
    hop["device"] = device_name(devices, device);
  }
  return hop;
}

// RTA_MULTIPATH: struct rtnexthop, each followed by attributes.
Json next_hops(Bytes hops, const DeviceNames& devices) {
  Json all = Json::array();
  while (const auto hop = read_as<rtnexthop>(hops)) {
    if (hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > hops.size() || all.size() == 64) {
      break;
    }
    Json json = next_hop(hops.first(hop->rtnh_len).subspan(sizeof(rtnexthop)),
                         static_cast<std::uint32_t>(hop->rtnh_ifindex), devices);
    json["weight"] = hop->rtnh_hops + 1;
    all.push_back(std::move(json));
    hops =
        hops.subspan(std::min<std::size_t>(netlink::framing::aligned(hop->rtnh_len), hops.size()));
  }
  return all;
}

}  // namespace

bool list_link(const Message& message, DeviceNames& devices, Lines& lines, Names& names) {
  const auto header = read_as<ifinfomsg>(message.payload);
  const Bytes attributes = after_header(message.payload, sizeof(ifinfomsg));
  const std::string name = clean(text_of(find_attribute(attributes, IFLA_IFNAME)));
  if (!header || header->ifi_index <= 0 || name.empty()) {
    return false;
  }
  const auto index = static_cast<std::uint32_t>(header->ifi_index);
  devices[index] = name;
  learn_device(name, names);
  Json json{{"index", index}, {"name", name}};
  json["kind"] =
      clean(text_of(find_attribute(find_attribute(attributes, IFLA_LINKINFO), IFLA_INFO_KIND)));
  json["mtu"] = number(attributes, IFLA_MTU).value_or(0);
  json["up"] = (header->ifi_flags & IFF_UP) != 0;
  json["state"] = operational_state(
      read_as<std::uint8_t>(find_attribute(attributes, IFLA_OPERSTATE)).value_or(0));
  if (const auto master = number(attributes, IFLA_MASTER)) {
    json["master"] = *master;
  }
  if (const auto link = number(attributes, IFLA_LINK)) {
    json["link"] = *link;
  }
  json["queue_length"] = number(attributes, IFLA_TXQLEN).value_or(0);
  if (const Bytes address = find_attribute(attributes, IFLA_ADDRESS); address.size() == 6) {
    json["address"] = hex_text(address, ":");
  }
  if (const auto statistics =
          read_as<rtnl_link_stats64>(find_attribute(attributes, IFLA_STATS64))) {
    json["received"] = {{"packets", statistics->rx_packets},
                        {"dropped", statistics->rx_dropped},
                        {"errors", statistics->rx_errors}};
    json["sent"] = {{"packets", statistics->tx_packets},
                    {"dropped", statistics->tx_dropped},
                    {"errors", statistics->tx_errors}};
  }
  lines.add(json);
  return true;
}

bool list_address(const Message& message, const DeviceNames& devices, Lines& lines) {
  const auto header = read_as<ifaddrmsg>(message.payload);
  if (!header) {
    return false;
  }
  const Bytes attributes = after_header(message.payload, sizeof(ifaddrmsg));
  // Of links between two points IFA_ADDRESS is the other end.
  const Bytes local = find_attribute(attributes, IFA_LOCAL);
  const Bytes address = local.empty() ? find_attribute(attributes, IFA_ADDRESS) : local;
  lines.add(Json{{"device", device_name(devices, header->ifa_index)},
                 {"family", family_name(header->ifa_family)},
                 {"address", address_text(address) + "/" + std::to_string(header->ifa_prefixlen)}});
  return true;
}

bool list_route(const Message& message, const DeviceNames& devices, Lines& lines) {
  const auto header = read_as<rtmsg>(message.payload);
  if (!header) {
    return false;
  }
  const Bytes attributes = after_header(message.payload, sizeof(rtmsg));
  const Bytes destination = find_attribute(attributes, RTA_DST);
  Json json{{"family", family_name(header->rtm_family)},
            {"table", number(attributes, RTA_TABLE).value_or(header->rtm_table)},
            {"type", route_type(header->rtm_type)},
            {"destination", destination.empty() ? "default"
                                                : address_text(destination) + "/" +
                                                      std::to_string(header->rtm_dst_len)}};
  json.update(next_hop(attributes, number(attributes, RTA_OIF).value_or(0), devices));
  if (const Bytes hops = find_attribute(attributes, RTA_MULTIPATH); !hops.empty()) {
    json["next_hops"] = next_hops(hops, devices);
  }
  if (const Bytes source = find_attribute(attributes, RTA_PREFSRC); !source.empty()) {
    json["source"] = address_text(source);
  }
  if (const auto metric = number(attributes, RTA_PRIORITY)) {
    json["metric"] = *metric;
  }
  if (const auto mtu = number(find_attribute(attributes, RTA_METRICS), RTAX_MTU)) {
    json["mtu"] = *mtu;
  }
  json["protocol"] = header->rtm_protocol;
  lines.add(json);
  return true;
}

}  // namespace kubecliff::evidence
