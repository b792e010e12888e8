#include "exporter/simulate/outlook.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff::simulate {
namespace {

using testing::DoubleNear;
using testing::Optional;

Figure of(double value) {
  return {.median = value, .least = value, .most = value, .times = 1};
}

// 16 rules and 10 us of a new flow for each Service, a millisecond of an update.
Point point(Backend backend, int services) {
  return {.backend = backend,
          .services = services,
          .endpoints = 4,
          .rules = std::int64_t{16} * services + 8,
          .worst_case_walk =
              is_iptables(backend) ? std::optional<std::int64_t>{services + 10} : std::nullopt,
          .full = of(services),
          .update = of(services * 1e-3),
          .list = of(1),
          .read = of(1),
          .paths = {},
          .missed_new_flow = of(services * 1e-7),
          .missed_established = of(1e-6)};
}

Present present(std::optional<std::int64_t> services, std::optional<double> growth) {
  return {.services = services, .from = "", .mode = "", .growth = growth};
}

Meeting find(const std::vector<Meeting>& all, Backend backend, std::string_view check,
             Severity severity) {
  const auto found = std::ranges::find_if(all, [&](const Meeting& meeting) {
    return meeting.backend == backend && meeting.check == check && meeting.severity == severity;
  });
  if (found == all.end()) {
    ADD_FAILURE() << "no meeting with " << check;
    return {};
  }
  return *found;
}

const std::vector<Point>& legacy_points() {
  static const std::vector<Point> points{point(Backend::iptables_legacy, 100),
                                         point(Backend::iptables_legacy, 1'000),
                                         point(Backend::iptables_legacy, 4'000)};
  return points;
}

TEST(Meetings, LieBetweenMeasuredPoints) {
  const auto all = meetings(legacy_points(), default_checks(), present(1'500, 10));
  const Meeting restore =
      find(all, Backend::iptables_legacy, "restore_duration", Severity::warning);
  EXPECT_EQ(restore.where, Meeting::Where::at);
  EXPECT_EQ(restore.bound, 2);
  EXPECT_THAT(restore.services, DoubleNear(2'000, 1e-6));
  EXPECT_THAT(restore.days, Optional(DoubleNear(50, 1e-6)));
  const Meeting walk = find(all, Backend::iptables_legacy, "traversal_time", Severity::warning);
  EXPECT_THAT(walk.services, DoubleNear(2'500, 1e-6));
}

TEST(Meetings, WhatIsTimedIsNotGuessedBeyondWhatWasMeasured) {
  const auto all = meetings(legacy_points(), default_checks(), present(1'500, 10));
  const Meeting restore =
      find(all, Backend::iptables_legacy, "restore_duration", Severity::critical);
  EXPECT_EQ(restore.where, Meeting::Where::not_up_to);
  EXPECT_EQ(restore.services, 4'000);
  EXPECT_EQ(restore.days, std::nullopt);
}

TEST(Meetings, WhatIsCountedGoesOn) {
  const auto all = meetings(legacy_points(), default_checks(), present({}, 10));
  const Meeting services =
      find(all, Backend::iptables_legacy, "services_in_iptables", Severity::critical);
  EXPECT_EQ(services.where, Meeting::Where::at);
  EXPECT_THAT(services.services, DoubleNear(5'000, 1e-6));
  EXPECT_EQ(services.days, std::nullopt) << "where the node stands is not known";
  const Meeting rules = find(all, Backend::iptables_legacy, "nat_rules", Severity::warning);
  EXPECT_THAT(rules.services, DoubleNear((50'000 - 8) / 16.0, 1e-6));
}

TEST(Meetings, ANodeBeyondABoundHasMetIt) {
  const auto all = meetings(legacy_points(), default_checks(), present(2'100, {}));
  EXPECT_THAT(find(all, Backend::iptables_legacy, "restore_duration", Severity::warning).days,
              Optional(0.0));
  EXPECT_EQ(find(all, Backend::iptables_legacy, "services_in_iptables", Severity::critical).days,
            std::nullopt)
      << "growth is not known";
}

TEST(Meetings, ABoundBelowTheFirstPointIsSaidToBe) {
  const std::vector<Point> points{point(Backend::nftables, 9'000)};
  const auto all = meetings(points, default_checks(), present(1, 1));
  const Meeting restore = find(all, Backend::nftables, "restore_duration", Severity::warning);
  EXPECT_EQ(restore.where, Meeting::Where::below);
  EXPECT_EQ(restore.services, 9'000);
  EXPECT_EQ(restore.days, std::nullopt);
}

TEST(Meetings, OfOnePointAlone) {
  std::vector<Point> points{point(Backend::iptables_legacy, 5'000)};
  points[0].worst_case_walk = 5'000;
  const auto all = meetings(points, default_checks(), present(1, 1));
  const Meeting services =
      find(all, Backend::iptables_legacy, "services_in_iptables", Severity::warning);
  EXPECT_EQ(services.where, Meeting::Where::below) << "two thousand are a warning";
  EXPECT_EQ(services.services, 5'000);
  EXPECT_EQ(find(all, Backend::iptables_legacy, "services_in_iptables", Severity::critical).where,
            Meeting::Where::not_up_to);
}

// Of a bound that was met long before the first point.
TEST(Meetings, AreNeverAtLessThanNoService) {
  std::vector<Point> points{point(Backend::iptables_legacy, 100),
                            point(Backend::iptables_legacy, 200)};
  points[0].rules = 1'000'000;
  points[1].rules = 1'000'001;
  const auto all = meetings(points, default_checks(), present(1, 1));
  const Meeting rules = find(all, Backend::iptables_legacy, "nat_rules", Severity::warning);
  EXPECT_EQ(rules.where, Meeting::Where::at);
  EXPECT_EQ(rules.services, 0);
  // And where it does not grow at all.
  points[1].rules = points[0].rules;
  const auto flat = meetings(points, default_checks(), present(1, 1));
  EXPECT_EQ(find(flat, Backend::iptables_legacy, "nat_rules", Severity::warning).where,
            Meeting::Where::below);
}

TEST(Meetings, OtherBackendsHaveNoBoundsOfIptables) {
  const std::vector<Point> points{point(Backend::nftables, 9'000), point(Backend::ipvs, 9'000)};
  for (const Meeting& meeting : meetings(points, default_checks(), present(1, 1))) {
    EXPECT_NE(meeting.check, "services_in_iptables");
    EXPECT_NE(meeting.check, "nat_rules");
    EXPECT_NE(meeting.check, "worst_case_walk");
    EXPECT_FALSE(meeting.backend == Backend::ipvs && meeting.check == "restore_duration");
  }
}

}  // namespace
}  // namespace kubecliff::simulate
