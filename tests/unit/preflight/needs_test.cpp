#include "exporter/preflight/needs.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "collectors/dataplane/requirements.h"

namespace kubecliff::preflight {
namespace {

std::vector<Feature> all_needs() {
  std::vector<Feature> all;
  for (const Target target : kTargets) {
    for (const Need& need : needs_of(target)) {
      all.push_back(need.feature);
    }
  }
  for (const std::string_view scheduler : {"rr", "wrr", "lc", "wlc", "fo", "ovf", "lblc", "lblcr",
                                           "dh", "sh", "mh", "sed", "nq", "twos"}) {
    const auto need = need_of_scheduler(scheduler);
    EXPECT_TRUE(need) << scheduler;
    if (need) {
      all.push_back(need->feature);
    }
  }
  return all;
}

// Both are lists of the same kernel's pieces: what they share they name alike.
TEST(Needs, AgreeWithWhatTheDataplaneCollectorLooksFor) {
  int shared = 0;
  for (const Feature& need : all_needs()) {
    const auto required = dataplane::required_features();
    const auto known = std::ranges::find(required, need.module, &Feature::module);
    if (known != required.end()) {
      EXPECT_EQ(need.config, known->config);
      EXPECT_EQ(need.symbol, known->symbol);
      ++shared;
    }
  }
  EXPECT_GE(shared, 11);
}

TEST(Needs, NameEachModuleOnceForATarget) {
  for (const Target target : kTargets) {
    std::set<std::string_view> modules;
    for (const Need& need : needs_of(target)) {
      EXPECT_TRUE(modules.insert(need.feature.module).second) << need.feature.module;
      EXPECT_TRUE(need.feature.config.starts_with("CONFIG_"));
      EXPECT_FALSE(need.purpose.empty());
    }
  }
}

TEST(NeedOfScheduler, IsNothingForAnUnknownOne) {
  for (const std::string_view scheduler : {"", "fastest", "rr ", "../rr"}) {
    EXPECT_EQ(need_of_scheduler(scheduler).has_value(), false) << scheduler;
  }
}

}  // namespace
}  // namespace kubecliff::preflight
