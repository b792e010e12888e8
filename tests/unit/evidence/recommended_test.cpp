#include "exporter/evidence/recommended.h"

#include <set>
#include <stdexcept>
#include <string_view>

#include <gtest/gtest.h>

namespace kubecliff::evidence {
namespace {

const Recommendation& of(std::string_view setting) {
  for (const Recommendation& recommendation : recommendations()) {
    if (recommendation.setting == setting) {
      return recommendation;
    }
  }
  throw std::runtime_error{"no such setting"};
}

TEST(Recommendations, NameASettingOnceAndSayWhy) {
  std::set<std::string_view> seen;
  for (const Recommendation& recommendation : recommendations()) {
    EXPECT_TRUE(seen.insert(recommendation.setting).second) << recommendation.setting;
    EXPECT_EQ(recommendation.least || recommendation.most, !recommendation.why.empty())
        << recommendation.setting;
  }
}

TEST(Recommendations, FlowsAreKubeProxys) {
  EXPECT_EQ(recommended_flows(1), 131'072);
  EXPECT_EQ(recommended_flows(4), 131'072);
  EXPECT_EQ(recommended_flows(5), 163'840);
  EXPECT_EQ(recommended_flows(-1), 131'072);
}

TEST(Follows, ComparesNumbers) {
  const Recommendation& established = of("net.netfilter.nf_conntrack_tcp_timeout_established");
  EXPECT_EQ(follows(established, "86400"), true);
  EXPECT_EQ(follows(established, "432000\n"), false);
  EXPECT_EQ(follows(established, "word"), std::nullopt);
  EXPECT_EQ(follows(of("net.ipv4.ip_forward"), "0"), false);
  EXPECT_EQ(follows(of("net.core.rmem_max"), "0"), std::nullopt);
}

TEST(Follows, CountsPorts) {
  const Recommendation& ports = of("net.ipv4.ip_local_port_range");
  EXPECT_EQ(follows(ports, "32768 60999"), true);
  EXPECT_EQ(follows(ports, "1024\t65535"), true);
  EXPECT_EQ(follows(ports, "60000 60999"), false);
  EXPECT_EQ(follows(ports, "60999 32768"), std::nullopt);
  EXPECT_EQ(follows(ports, "32768"), std::nullopt);
}

}  // namespace
}  // namespace kubecliff::evidence
