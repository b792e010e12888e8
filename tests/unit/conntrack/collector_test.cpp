#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/conntrack/conntrack.h"
#include "tests/support/file_tree.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::conntrack {
namespace {

TEST(Specs, ServeTheContract) {
  std::set<std::string_view> names;
  for (const FamilySpec& family : spec().families) {
    EXPECT_EQ(family.type == prometheus::MetricType::Counter, family.name.ends_with("_total"));
    EXPECT_FALSE(family.help.empty());
    names.insert(family.name);
  }
  EXPECT_EQ(
      names,
      (std::set<std::string_view>{
          "kubecliff_conntrack_entries", "kubecliff_conntrack_entries_limit",
          "kubecliff_conntrack_buckets", "kubecliff_conntrack_found_total",
          "kubecliff_conntrack_invalid_total", "kubecliff_conntrack_insert_failed_total",
          "kubecliff_conntrack_drop_total", "kubecliff_conntrack_early_drop_total",
          "kubecliff_conntrack_error_total", "kubecliff_conntrack_search_restart_total",
          "kubecliff_conntrack_clash_resolve_total", "kubecliff_conntrack_chain_too_long_total"}));
}

TEST(Specs, FlowsAreAChildWithALimit) {
  const CollectorSpec flows = flows_spec();
  EXPECT_EQ(flows.name, std::string{spec().name} + ".flows");
  EXPECT_EQ(spec().schedule, Schedule::in_scrape);
  EXPECT_EQ(flows.schedule, Schedule::background);
  ASSERT_EQ(flows.options.size(), 1U);
  EXPECT_EQ(flows.options[0].name, "conntrack.max-flows");
  EXPECT_EQ(flows.options[0].default_value, OptionValue{std::int64_t{500'000}});
}

// /sys is the real one, so what is missing differs; that something is missed must not.
TEST(ConntrackCollector, WithoutProcIsNoSuccess) {
  const test::FileTree empty;
  const auto collector = spec().make({.options = {}, .procfs = empty.path()});
  ASSERT_THAT(collector, test::has_value());
  Samples samples;
  const auto refreshed = (*collector)->refresh(Clock::time_point{}, samples);
  EXPECT_TRUE(!refreshed || !samples.misses().empty());
}

}  // namespace
}  // namespace kubecliff::conntrack
