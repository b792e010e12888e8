#include "tests/support/service_keys.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace kubecliff::test {

std::vector<std::byte> address_bytes(std::string_view text) {
  const std::string terminated{text};
  const bool ipv4 = !text.contains(':');
  std::vector<std::byte> bytes(ipv4 ? sizeof(in_addr) : sizeof(in6_addr));
  if (::inet_pton(ipv4 ? AF_INET : AF_INET6, terminated.c_str(), bytes.data()) != 1) {
    throw std::invalid_argument{"not an address: " + terminated};
  }
  return bytes;
}

std::uint8_t number_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::tcp:
      return IPPROTO_TCP;
    case Protocol::udp:
      return IPPROTO_UDP;
    case Protocol::sctp:
      break;
  }
  return IPPROTO_SCTP;
}

ServiceKeys keys_of(const Service& service, Family family) {
  constexpr std::uint16_t kPort = 80;
  const std::uint8_t protocol = number_of(service.protocol);
  ServiceKeys keys;
  keys.services.push_back(service_key(protocol, address_bytes(cluster_ip(service, family)), kPort));
  if (has_load_balancer(service)) {
    keys.services.push_back(
        service_key(protocol, address_bytes(load_balancer_ip(service, family)), kPort));
  }
  if (has_node_port(service)) {
    const std::size_t address_size = address_bytes(cluster_ip(service, family)).size();
    keys.services.push_back(
        node_port_key(protocol, address_size, static_cast<std::uint16_t>(node_port(service))));
  }
  for (const std::uint64_t key : keys.services) {
    for (int i = 0; i < service.endpoints; ++i) {
      keys.endpoints.push_back(endpoint_key(
          key, backend_key(address_bytes(endpoint_ip(service, i, family)), kEndpointPort)));
    }
  }
  return keys;
}

void expect_told(const ServiceEndpoints& endpoints, ServiceEndpoints::Source source,
                 std::span<const Service> services, Family family) {
  const ServiceEndpoints::All all = endpoints.all();
  const auto& told =
      all[ServiceEndpoints::index(source, family == Family::ipv4 ? std::size_t{0} : 1)];
  ASSERT_NE(told.set, nullptr);
  std::size_t service_keys = 0;
  std::size_t endpoint_keys = 0;
  for (const Service& service : services) {
    const ServiceKeys keys = keys_of(service, family);
    service_keys += keys.services.size();
    endpoint_keys += keys.endpoints.size();
    for (const std::uint64_t key : keys.services) {
      EXPECT_TRUE(told.set->has_service(key)) << "Service " << service.number;
    }
    for (const std::uint64_t key : keys.endpoints) {
      EXPECT_TRUE(told.set->has_endpoint(key)) << "Service " << service.number;
    }
  }
  EXPECT_EQ(told.set->services(), service_keys);
  EXPECT_EQ(told.set->endpoints(), endpoint_keys);
}

}  // namespace kubecliff::test
