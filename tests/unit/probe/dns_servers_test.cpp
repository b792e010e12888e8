#include "collectors/probe/dns_servers.h"

#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff::probe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

DnsServer server(std::string label, std::string address) {
  return {.label = std::move(label), .address = std::move(address)};
}

TEST(ParseList, TakesWhatIsBetweenCommas) {
  EXPECT_THAT(parse_list(""), IsEmpty());
  EXPECT_THAT(parse_list("a, b ,c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(parse_list("a,,b"), ElementsAre("a", "", "b"));
}

TEST(IsServerList, TakesAddressesOnceEach) {
  for (const char* text : {"", "10.96.0.10", "10.96.0.10:5353,[fd00::a]", "[fd00::a]:53"}) {
    EXPECT_TRUE(is_server_list(text)) << text;
  }
  for (const char* text : {"kube-dns", "10.96.0.10,", "10.96.0.10,10.96.0.10", "fd00::a",
                           "10.96.0.10:0", "1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5"}) {
    EXPECT_FALSE(is_server_list(text)) << text;
  }
}

TEST(IsNameList, TakesNames) {
  EXPECT_TRUE(is_name_list("kubernetes.default.svc.cluster.local, example.org."));
  for (const char* text : {".", "a..b", "a b", "a,a", "a,b,c,d,e", "a/b"}) {
    EXPECT_FALSE(is_name_list(text)) << text;
  }
}

TEST(ClusterDns, IsTheTenthAddressOfTheRange) {
  EXPECT_EQ(cluster_dns("10.96.0.1"), "10.96.0.10");
  EXPECT_EQ(cluster_dns("172.20.0.1"), "172.20.0.10");
  EXPECT_EQ(cluster_dns("fd00:10:96::1"), "fd00:10:96::a");
  EXPECT_EQ(cluster_dns("10.96.0.250"), std::nullopt);
  EXPECT_EQ(cluster_dns("api.example.org"), std::nullopt);
  EXPECT_EQ(cluster_dns(""), std::nullopt);
}

TEST(ServersAround, AreAskedOnceEach) {
  const ResolvConf pod{.nameservers = {"10.96.0.10"}, .search = {}};
  EXPECT_THAT(servers_around({.resolv_conf = pod, .api_server = "10.96.0.1"}),
              ElementsAre(server("cluster", "10.96.0.10")));
  EXPECT_THAT(
      servers_around({.resolv_conf = {.nameservers = {"10.0.0.2", "10.0.0.3"}, .search = {}},
                      .api_server = "10.96.0.1",
                      .node_local_here = true}),
      ElementsAre(server("node_local", "169.254.20.10"), server("cluster", "10.96.0.10"),
                  server("resolver", "10.0.0.2")));
  EXPECT_THAT(servers_around({.resolv_conf = {.nameservers = {"fd00::2"}, .search = {}},
                              .api_server = "fd00::1"}),
              ElementsAre(server("cluster", "[fd00::a]"), server("resolver", "[fd00::2]")));
  // One that needs a device to be reached, and one that is none.
  EXPECT_THAT(servers_around({.resolv_conf = {.nameservers = {"fe80::1%eth0"}, .search = {}},
                              .api_server = ""}),
              IsEmpty());
  EXPECT_THAT(servers_around({.resolv_conf = {}, .api_server = ""}), IsEmpty());
}

}  // namespace
}  // namespace kubecliff::probe
