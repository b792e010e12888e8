#include "collectors/probe/phases.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff::probe {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr auto kNone = std::nullopt;

Url url(const std::string& text) {
  return parse_url(text).value();
}

TEST(OutcomeOf, GivesEachPhaseAlone) {
  const Outcome outcome = outcome_of(url("https://api.example/"),
                                     {.resolved = 1'000us,
                                      .connected = 1'300us,
                                      .tls_done = 5'300us,
                                      .sent = 5'400us,
                                      .first_byte = 7'400us,
                                      .ended = 8'000us},
                                     kNone);
  EXPECT_THAT(outcome.phases, ElementsAre(1'000us, 300us, 4'000us, 2'000us, 8'000us));
  EXPECT_FALSE(outcome.failure);
}

TEST(OutcomeOf, LeavesOutWhatAUrlDoesNotHave) {
  const Moments moments{.resolved = 20us,
                        .connected = 320us,
                        .tls_done = 0us,
                        .sent = 330us,
                        .first_byte = 530us,
                        .ended = 600us};
  EXPECT_THAT(outcome_of(url("http://10.0.0.1/"), moments, kNone).phases,
              ElementsAre(kNone, 300us, kNone, 200us, 600us));
  EXPECT_THAT(outcome_of(url("tcp://10.0.0.1:80"), moments, kNone).phases,
              ElementsAre(kNone, 300us, kNone, kNone, 600us));
}

TEST(OutcomeOf, AFailureKeepsThePhasesThatCameToTheirEnd) {
  const Outcome outcome =
      outcome_of(url("https://api.example/"),
                 {.resolved = 1'000us, .connected = 1'300us, .ended = 5'000'000us},
                 Failure{.reason = Reason::timeout, .why = "no answer"});
  EXPECT_THAT(outcome.phases, ElementsAre(1'000us, 300us, kNone, kNone, kNone));
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->reason, Reason::timeout);
}

TEST(CanFail, NamesWhatAUrlCanFailBy) {
  const auto reasons = [](const std::string& text) {
    std::string names;
    for (const Reason reason : kReasons) {
      names += can_fail(url(text), reason) ? std::string{name(reason)} + " " : "";
    }
    return names;
  };
  EXPECT_EQ(reasons("tcp://10.0.0.1:80"), "connect timeout other ");
  EXPECT_EQ(reasons("http://10.0.0.1/"), "connect timeout status body other ");
  EXPECT_EQ(reasons("https://api.example/"), "resolve connect tls timeout status body other ");
}

}  // namespace
}  // namespace kubecliff::probe
