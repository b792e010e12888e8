#include "collectors/kubeproxy/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

namespace kubecliff::kubeproxy {
namespace {

// ADDRESS PORT, as the kernel will see them.
std::string address_of(const Endpoint& endpoint) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (endpoint.address.storage.ss_family == AF_INET6) {
    sockaddr_in6 address{};
    EXPECT_EQ(endpoint.address.size, sizeof(address));
    std::memcpy(&address, &endpoint.address.storage, sizeof(address));
    ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
    return text.data() + (" " + std::to_string(ntohs(address.sin6_port)));
  }
  sockaddr_in address{};
  EXPECT_EQ(endpoint.address.size, sizeof(address));
  std::memcpy(&address, &endpoint.address.storage, sizeof(address));
  ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
  return text.data() + (" " + std::to_string(ntohs(address.sin_port)));
}

TEST(ParseEndpoint, TakesAddressesOfBothFamilies) {
  struct Case {
    std::string url;
    std::string address;
    std::string authority;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"http://127.0.0.1:10249", "127.0.0.1 10249", "127.0.0.1:10249"},
           {"http://10.1.2.3:80/", "10.1.2.3 80", "10.1.2.3:80"},
           {"http://[::1]:10249", "::1 10249", "[::1]:10249"},
           {"http://localhost:10249", "127.0.0.1 10249", "localhost:10249"},
       }) {
    const auto endpoint = parse_endpoint(c.url);
    ASSERT_TRUE(endpoint) << c.url;
    EXPECT_EQ(address_of(*endpoint), c.address);
    EXPECT_EQ(endpoint->authority, c.authority);
  }
}

TEST(ParseEndpoint, RefusesWhatItCannotReach) {
  for (const std::string url :
       {"", "127.0.0.1:10249", "https://127.0.0.1:10249", "http://127.0.0.1", "http://127.0.0.1:",
        "http://127.0.0.1:0", "http://127.0.0.1:65536", "http://127.0.0.1:10249/metrics",
        "http://kube-proxy:10249", "http://::1:10249", "http://[::1", "http://[]:1", "http://:1",
        "http://user@127.0.0.1:1", "http://127.0.0.1:1 ", "http://127.0.0.1:1\r\nX: y"}) {
    EXPECT_FALSE(parse_endpoint(url)) << url;
  }
}

}  // namespace
}  // namespace kubecliff::kubeproxy
