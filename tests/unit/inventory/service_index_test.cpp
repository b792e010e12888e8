#include "collectors/inventory/service_index.h"

#include <netinet/in.h>

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/service_keys.h"

namespace kubecliff::inventory {
namespace {

using test::address_bytes;

Address address(std::string_view text) {
  const auto bytes = address_bytes(text);
  return Address{bytes};
}

class ServiceIndexTest : public ::testing::Test {
 protected:
  // A Service with one endpoint, at an address and a node port.
  ServiceIndexTest() {
    add("a/one", "10.96.0.1", 80, {"10.0.0.1"});
    services_.addresses.push_back({.protocol = IPPROTO_TCP, .port = 30'000, .service = 0});
  }

  std::uint32_t add(std::string_view name, std::string_view at, std::uint16_t port,
                    const std::vector<std::string_view>& endpoints) {
    const auto number = static_cast<std::uint32_t>(services_.services.size());
    Service service{.name = std::string{name}, .protocol = IPPROTO_TCP};
    for (const std::string_view endpoint : endpoints) {
      service.endpoints.push_back({.address = address(endpoint), .port = 8'080});
    }
    services_.services.push_back(std::move(service));
    services_.addresses.push_back(
        {.address = address(at), .protocol = IPPROTO_TCP, .port = port, .service = number});
    return number;
  }

  [[nodiscard]] std::string_view stale(std::string_view at, std::uint16_t port,
                                       std::string_view backend) const {
    const auto to = address_bytes(at);
    const auto by = address_bytes(backend);
    const Service* service = ServiceIndex{services_}.stale(IPPROTO_TCP, to, port, by, 8'080);
    return service == nullptr ? "" : std::string_view{service->name};
  }

  Services services_;
};

TEST_F(ServiceIndexTest, FindsByAddressAndByNodePort) {
  const ServiceIndex index{services_};
  const auto find = [&](std::uint8_t protocol, std::string_view at, std::uint16_t port) {
    const auto bytes = address_bytes(at);
    return index.find(protocol, bytes, port) != nullptr;
  };
  EXPECT_TRUE(find(IPPROTO_TCP, "10.96.0.1", 80));
  EXPECT_FALSE(find(IPPROTO_UDP, "10.96.0.1", 80));
  EXPECT_FALSE(find(IPPROTO_TCP, "10.96.0.2", 80));
  // What has the same number at somebody else's address is none of ours.
  EXPECT_FALSE(find(IPPROTO_TCP, "192.0.2.1", 30'000));
  EXPECT_NE(index.find_node_port(IPPROTO_TCP, 4, 30'000), nullptr);
  EXPECT_EQ(index.find_node_port(IPPROTO_TCP, 16, 30'000), nullptr);
  EXPECT_EQ(index.find_node_port(IPPROTO_TCP, 4, 80), nullptr);
}

TEST_F(ServiceIndexTest, AFlowToAFormerEndpointIsStale) {
  EXPECT_EQ(stale("10.96.0.1", 80, "10.0.0.1"), "");
  EXPECT_EQ(stale("10.96.0.1", 80, "10.0.0.2"), "a/one");
  EXPECT_EQ(stale("192.0.2.1", 30'000, "10.0.0.2"), "a/one");
  EXPECT_EQ(stale("192.0.2.1", 30'000, "10.0.0.1"), "");
}

TEST_F(ServiceIndexTest, AFlowToNoServiceIsNot) {
  EXPECT_EQ(stale("10.96.0.9", 80, "10.0.0.2"), "");
}

TEST_F(ServiceIndexTest, NothingIsStaleOfAServiceThatIsNotClear) {
  services_.services[0].clear = false;
  EXPECT_EQ(stale("10.96.0.1", 80, "10.0.0.2"), "");
}

TEST_F(ServiceIndexTest, EveryDataplaneHasItsSay) {
  const std::uint32_t other = add("a/one", "10.96.0.1", 80, {"10.0.0.2"});
  EXPECT_EQ(stale("10.96.0.1", 80, "10.0.0.1"), "");
  EXPECT_EQ(stale("10.96.0.1", 80, "10.0.0.2"), "");
  EXPECT_EQ(stale("10.96.0.1", 80, "10.0.0.3"), "a/one");
  services_.services[other].clear = false;
  EXPECT_EQ(stale("10.96.0.1", 80, "10.0.0.3"), "");
}

TEST_F(ServiceIndexTest, WhatIsRefusedHasNoEndpoint) {
  services_.addresses[0].refused = true;
  EXPECT_EQ(stale("10.96.0.1", 80, "10.0.0.1"), "a/one");
  EXPECT_EQ(stale("192.0.2.1", 30'000, "10.0.0.1"), "");
}

}  // namespace
}  // namespace kubecliff::inventory
