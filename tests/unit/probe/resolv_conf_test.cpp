#include "collectors/probe/resolv_conf.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff::probe {
namespace {

// A pod's, as the kubelet writes it.
constexpr auto kPod =
    "search default.svc.cluster.local svc.cluster.local cluster.local\n"
    "nameserver 10.96.0.10\n"
    "options ndots:5\n";

TEST(ParseResolvConf, ReadsAPods) {
  EXPECT_EQ(
      parse_resolv_conf(kPod),
      (ResolvConf{.nameservers = {"10.96.0.10"},
                  .search = {"default.svc.cluster.local", "svc.cluster.local", "cluster.local"},
                  .ndots = 5}));
}

TEST(ParseResolvConf, ReadsAsGlibcDoes) {
  struct Case {
    std::string text;
    ResolvConf expected;
  };
  const std::vector<Case> cases{
      {"", {}},
      {"# nameserver 10.0.0.1\n; nameserver 10.0.0.2\n nameserver 10.0.0.3\n", {}},
      {"nameserver\t10.0.0.1  # first\nnameserver fe80::1%eth0",
       {.nameservers = {"10.0.0.1", "fe80::1%eth0"}, .search = {}}},
      {"nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4\n",
       {.nameservers = {"1.1.1.1", "1.1.1.2", "1.1.1.3"}, .search = {}}},
      {"search a b\ndomain c d\n", {.nameservers = {}, .search = {"c"}}},
      {"domain c\nsearch a b\n", {.nameservers = {}, .search = {"a", "b"}}},
      {"options edns0 ndots:2 rotate\n", {.nameservers = {}, .search = {}, .ndots = 2}},
      {"options ndots:99\n", {.nameservers = {}, .search = {}, .ndots = 15}},
      {"options ndots:x ndots:\n", {}},
      {"nameserver\nnonsense\n", {}}};
  for (const Case& c : cases) {
    EXPECT_EQ(parse_resolv_conf(c.text), c.expected) << c.text;
  }
}

TEST(NamesTried, FollowsNdots) {
  const ResolvConf conf = parse_resolv_conf(kPod);
  EXPECT_EQ(names_tried(conf, "kubernetes.default.svc.cluster.local"), 4U);
  EXPECT_EQ(names_tried(conf, "kubernetes.default.svc.cluster.local."), 1U);
  EXPECT_EQ(names_tried(conf, "a.b.c.d.e.f"), 1U);
  EXPECT_EQ(names_tried({}, "localhost"), 1U);
  EXPECT_EQ(names_tried({.nameservers = {}, .search = {"example"}}, "www.example.org"), 1U);
}

}  // namespace
}  // namespace kubecliff::probe
