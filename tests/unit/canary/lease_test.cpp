#include "collectors/canary/lease.h"

#include <chrono>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/result_matchers.h"

namespace kubecliff::canary {
namespace {

using namespace kubecliff::test;
using namespace std::chrono_literals;

constexpr Clock::time_point kStart{1h};
constexpr std::string_view kNow = "2026-01-01T00:01:00.000000Z";

Lease held_by(const std::string& holder, const std::string& renewed = "then") {
  return {.resource_version = "7",
          .holder = holder,
          .renewed = renewed,
          .acquired = "long ago",
          .transitions = 3};
}

TEST(LeaseTest, IsReadAsTheApiServerSendsIt) {
  const auto lease = decode_lease(
      R"({"kind":"Lease","metadata":{"name":"kubecliff-canary","resourceVersion":"7"},"spec":{)"
      R"("holderIdentity":"a","leaseDurationSeconds":60,"acquireTime":"long ago",)"
      R"("renewTime":"then","leaseTransitions":3}})");
  ASSERT_THAT(lease, has_value());
  EXPECT_EQ(*lease, held_by("a"));
  for (const std::string json : {"", "{}", R"({"metadata":{}})", "[1]"}) {
    EXPECT_FALSE(decode_lease(json)) << json;
  }
}

TEST(LeaseTest, IsWrittenAsTheApiServerTakesIt) {
  EXPECT_EQ(nlohmann::json::parse(encode(held_by("a"), "tests", "kubecliff-canary")),
            nlohmann::json::parse(R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease",
              "metadata":{"name":"kubecliff-canary","namespace":"tests","resourceVersion":"7"},
              "spec":{"holderIdentity":"a","leaseDurationSeconds":60,"acquireTime":"long ago",
                      "renewTime":"then","leaseTransitions":3}})"));
  EXPECT_EQ(rfc3339(std::chrono::system_clock::time_point{1'767'225'660s + 42us}),
            "2026-01-01T00:01:00.000042Z");
}

TEST(CandidateTest, MakesTheLeaseThatIsNotThere) {
  Candidate candidate{"a"};
  const auto claim = candidate.claim(std::nullopt, kStart, kNow);
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->holder, "a");
  EXPECT_EQ(claim->resource_version, "");
  EXPECT_FALSE(candidate.leads(kStart)) << "not before the API server took it";
  candidate.claimed(kStart);
  EXPECT_TRUE(candidate.leads(kStart + Candidate::kDuration - 1ms));
  EXPECT_FALSE(candidate.leads(kStart + Candidate::kDuration));
}

TEST(CandidateTest, RenewsItsOwn) {
  Candidate candidate{"a"};
  const auto claim = candidate.claim(held_by("a"), kStart, kNow);
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->resource_version, "7");
  EXPECT_EQ(claim->renewed, kNow);
  EXPECT_EQ(claim->acquired, "long ago");
  EXPECT_EQ(claim->transitions, 3);
}

TEST(CandidateTest, TakesAnothersOnlyOnceItStoodStillForItsTime) {
  Candidate candidate{"a"};
  candidate.claimed(kStart - 1s);
  EXPECT_FALSE(candidate.claim(held_by("b", "1"), kStart, kNow));
  EXPECT_FALSE(candidate.leads(kStart)) << "it is another's";
  EXPECT_FALSE(candidate.claim(held_by("b", "2"), kStart + 50s, kNow)) << "it was renewed";
  EXPECT_FALSE(candidate.claim(held_by("b", "2"), kStart + 109s, kNow));
  const auto claim = candidate.claim(held_by("b", "2"), kStart + 110s, kNow);
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->holder, "a");
  EXPECT_EQ(claim->acquired, kNow);
  EXPECT_EQ(claim->transitions, 4);
}

TEST(CandidateTest, TakesOneThatWasGivenBack) {
  Candidate candidate{"a"};
  EXPECT_TRUE(candidate.claim(held_by(""), kStart, kNow));
}

}  // namespace
}  // namespace kubecliff::canary
