#include "collectors/ipvs/decode_netlink.h"

#include <arpa/inet.h>
#include <linux/ip_vs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <span>

#include "collectors/core/service_endpoints.h"
#include "collectors/kernel/bytes.h"
#include "collectors/kernel/generic_netlink.h"

namespace kubecliff::ipvs {
namespace {

using netlink::Attribute;
using netlink::Attributes;

std::optional<AddressFamily> family_of(std::uint16_t family) {
  switch (family) {
    case AF_INET:
      return AddressFamily::ipv4;
    case AF_INET6:
      return AddressFamily::ipv6;
    default:
      return std::nullopt;
  }
}

Protocol protocol_of(const ServerKey& key) {
  if (key.fwmark != 0) {
    return Protocol::fwmark;
  }
  switch (key.protocol) {
    case IPPROTO_TCP:
      return Protocol::tcp;
    case IPPROTO_UDP:
      return Protocol::udp;
    case IPPROTO_SCTP:
      return Protocol::sctp;
    default:
      return Protocol::other;
  }
}

std::optional<std::uint64_t> connections_in(Bytes statistics) {
  return read_as<std::uint64_t>(netlink::find_attribute(statistics, IPVS_STATS_ATTR_CONNS));
}

}  // namespace

std::optional<NetlinkServer> decode_virtual_server(const netlink::Message& message) {
  NetlinkServer decoded;
  ServerKey& key = decoded.key;
  Attribute attribute;
  Attributes attributes{
      netlink::find_attribute(netlink::generic_attributes(message), IPVS_CMD_ATTR_SERVICE)};
  while (attributes.next(attribute)) {
    const Bytes payload = attribute.payload;
    switch (attribute.type) {
      case IPVS_SVC_ATTR_AF:
        key.family = read_as<std::uint16_t>(payload).value_or(0);
        break;
      case IPVS_SVC_ATTR_PROTOCOL:
        key.protocol = read_as<std::uint16_t>(payload).value_or(0);
        break;
      case IPVS_SVC_ATTR_ADDR:
        std::ranges::copy(payload.first(std::min(payload.size(), key.address.size())),
                          key.address.begin());
        break;
      case IPVS_SVC_ATTR_PORT:
        key.port = read_as<std::uint16_t>(payload).value_or(0);
        break;
      case IPVS_SVC_ATTR_FWMARK:
        key.fwmark = read_as<std::uint32_t>(payload).value_or(0);
        break;
      case IPVS_SVC_ATTR_SCHED_NAME:
        decoded.server.scheduler = text_of(payload);
        break;
      default:
        break;
    }
  }
  const auto family = family_of(key.family);
  if (attributes.malformed() || !family || decoded.server.scheduler.empty() ||
      (key.fwmark == 0 && key.protocol == 0)) {
    return std::nullopt;
  }
  decoded.server.family = *family;
  decoded.server.protocol = protocol_of(key);
  return decoded;
}

std::optional<RealServer> decode_real_server(const netlink::Message& message,
                                             const VirtualServer& of) {
  // Kernels before 3.18 do not tell: it is the virtual server's.
  std::optional<AddressFamily> family = of.family;
  std::optional<std::uint32_t> weight;
  std::optional<std::uint32_t> active;
  std::optional<std::uint32_t> inactive;
  Attribute attribute;
  Attributes attributes{
      netlink::find_attribute(netlink::generic_attributes(message), IPVS_CMD_ATTR_DEST)};
  while (attributes.next(attribute)) {
    switch (attribute.type) {
      case IPVS_DEST_ATTR_ADDR_FAMILY:
        family = family_of(read_as<std::uint16_t>(attribute.payload).value_or(0));
        break;
      case IPVS_DEST_ATTR_WEIGHT:
        weight = read_as<std::uint32_t>(attribute.payload);
        break;
      case IPVS_DEST_ATTR_ACTIVE_CONNS:
        active = read_as<std::uint32_t>(attribute.payload);
        break;
      case IPVS_DEST_ATTR_INACT_CONNS:
        inactive = read_as<std::uint32_t>(attribute.payload);
        break;
      default:
        break;
    }
  }
  if (attributes.malformed() || !family || !weight || !active || !inactive) {
    return std::nullopt;
  }
  return RealServer{.family = *family,
                    .protocol = of.protocol,
                    .draining = *weight == 0,
                    .active = *active,
                    .inactive = *inactive};
}

std::optional<std::uint64_t> service_key_of(const ServerKey& key) {
  const auto family = family_of(key.family);
  const Protocol protocol = protocol_of(key);
  if (!family || protocol == Protocol::fwmark || protocol == Protocol::other) {
    return std::nullopt;
  }
  return service_key(static_cast<std::uint8_t>(key.protocol),
                     AddressBytes{key.address}.first(address_size(*family)), ntohs(key.port));
}

std::optional<std::uint64_t> decode_endpoint_key(const netlink::Message& message,
                                                 std::uint64_t service) {
  const auto endpoint = decode_endpoint(message);
  return endpoint
             ? std::optional{endpoint_key(service, backend_key(endpoint->address, endpoint->port))}
             : std::nullopt;
}

ServerDetails decode_virtual_details(const netlink::Message& message) {
  const Bytes server =
      netlink::find_attribute(netlink::generic_attributes(message), IPVS_CMD_ATTR_SERVICE);
  const auto flags = read_as<ip_vs_flags>(netlink::find_attribute(server, IPVS_SVC_ATTR_FLAGS));
  return {.persistent = flags && (flags->flags & IP_VS_SVC_F_PERSISTENT) != 0,
          .connections = connections_in(netlink::find_attribute(server, IPVS_SVC_ATTR_STATS64))};
}

std::optional<Endpoint> decode_endpoint(const netlink::Message& message) {
  const Bytes server =
      netlink::find_attribute(netlink::generic_attributes(message), IPVS_CMD_ATTR_DEST);
  const Bytes address = netlink::find_attribute(server, IPVS_DEST_ATTR_ADDR);
  const auto port = read_be<std::uint16_t>(netlink::find_attribute(server, IPVS_DEST_ATTR_PORT));
  const auto told =
      read_as<std::uint16_t>(netlink::find_attribute(server, IPVS_DEST_ATTR_ADDR_FAMILY));
  const auto family = family_of(told.value_or(AF_INET));
  if (!port || !family || address.size() < address_size(*family)) {
    return std::nullopt;
  }
  // The kernel sends room for the longer address in either family.
  return Endpoint{
      .address = address.first(address_size(*family)),
      .port = *port,
      .weight = read_as<std::uint32_t>(netlink::find_attribute(server, IPVS_DEST_ATTR_WEIGHT))
                    .value_or(0),
      .connections = connections_in(netlink::find_attribute(server, IPVS_DEST_ATTR_STATS64))};
}

std::optional<std::uint32_t> decode_table_buckets(const netlink::Message& message) {
  return read_as<std::uint32_t>(
      netlink::find_attribute(netlink::generic_attributes(message), IPVS_INFO_ATTR_CONN_TAB_SIZE));
}

void put_key(netlink::Request& request, const ServerKey& key) {
  request.nest(IPVS_CMD_ATTR_SERVICE, [&](netlink::Request& service) {
    service.put(IPVS_SVC_ATTR_AF, bytes_of(key.family));
    if (key.fwmark != 0) {
      service.put(IPVS_SVC_ATTR_FWMARK, bytes_of(key.fwmark));
      return;
    }
    service.put(IPVS_SVC_ATTR_PROTOCOL, bytes_of(key.protocol))
        .put(IPVS_SVC_ATTR_ADDR, std::as_bytes(std::span{key.address}))
        .put(IPVS_SVC_ATTR_PORT, bytes_of(key.port));
  });
}

}  // namespace kubecliff::ipvs
