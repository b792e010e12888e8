#include "collectors/propagation/move.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace kubecliff::propagation {
namespace {

using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;
using namespace kubecliff::test;

const Move written{.generation = 17,
                   .written = std::chrono::nanoseconds{1'763'800'000'123'456'789},
                   .service = "10.96.0.77:80",
                   .turn = {.from = 5, .size = 7}};

TEST(MoveTest, IsReadAsItWasWritten) {
  EXPECT_THAT(encode(written),
              UnorderedElementsAre(
                  Pair("kubecliff.io/generation", "17"),
                  Pair("kubecliff.io/written-unix-nanoseconds", "1763800000123456789"),
                  Pair("kubecliff.io/service", "10.96.0.77:80"), Pair("kubecliff.io/turn", "5+7")));
  kube::Annotations annotations = encode(written);
  annotations.emplace("kubectl.kubernetes.io/last-applied-configuration", "{}");
  const auto move = decode_move(annotations);
  ASSERT_THAT(move, has_value());
  EXPECT_EQ(move->generation, written.generation);
  EXPECT_EQ(move->written, written.written);
  EXPECT_EQ(move->service, written.service);
  EXPECT_EQ(move->turn, written.turn);
}

TEST(MoveTest, OneThatIsNotWholeIsNone) {
  struct Case {
    std::string name;
    std::string value;
  };
  for (const Case& c : std::vector<Case>{{"kubecliff.io/generation", "0"},
                                         {"kubecliff.io/generation", "-1"},
                                         {"kubecliff.io/generation", "99999999999999999999"},
                                         {"kubecliff.io/written-unix-nanoseconds", "-5"},
                                         {"kubecliff.io/service", "kubernetes:443"},
                                         {"kubecliff.io/service", "10.96.0.77:0"},
                                         {"kubecliff.io/service", "10.96.0.77:99999"},
                                         {"kubecliff.io/turn", "5"},
                                         {"kubecliff.io/turn", "5+4294967296"}}) {
    kube::Annotations annotations = encode(written);
    annotations[c.name] = c.value;
    const auto wrong = decode_move(annotations);
    ASSERT_FALSE(wrong) << c.value;
    EXPECT_THAT(wrong.error().message, HasSubstr(c.name));
    annotations.erase(c.name);
    EXPECT_FALSE(decode_move(annotations));
  }
}

TEST(TurnTest, EveryNodeHasOneAndNoneHasTwo) {
  std::vector<std::uint32_t> nodes;
  for (int i = 0; i < 10'000; ++i) {
    nodes.push_back(turn_hash("ip-10-0-" + std::to_string(i / 256) + "-" + std::to_string(i % 256) +
                              ".eu-west-1.compute.internal"));
  }
  // As many turns as go once round, from anywhere.
  constexpr std::uint32_t kTurns = 64;
  Turn turn{.from = 0xF000'0000, .size = Turn::kAll / kTurns + 1};
  std::vector<int> had(nodes.size());
  for (std::uint32_t i = 0; i < kTurns; ++i) {
    int chosen = 0;
    for (std::size_t node = 0; node < nodes.size(); ++node) {
      had[node] += turn.has(nodes[node]) ? 1 : 0;
      chosen += turn.has(nodes[node]) ? 1 : 0;
    }
    // As evenly as chance has it: 156 on average, with a deviation of 12.
    EXPECT_NEAR(chosen, 10'000.0 / kTurns, 5 * std::sqrt(10'000.0 / kTurns));
    turn.from += turn.size;
  }
  EXPECT_THAT(had, testing::Each(1));
  EXPECT_TRUE((Turn{.from = 1, .size = Turn::kAll}.has(0)));
  EXPECT_FALSE((Turn{.from = 1, .size = 0}.has(1)));
}

TEST(AnswerTest, IsANumberAndANewline) {
  EXPECT_EQ(encode_answer(17), "17\n");
  EXPECT_EQ(decode_answer("17\n"), 17U);
  EXPECT_LE(encode_answer(UINT64_MAX).size(), kMostAnswer);
  for (const std::string line : {"", "\n", "17", "x\n", "-1\n", "HTTP/1.1 400 Bad Request\r\n"}) {
    EXPECT_FALSE(decode_answer(line)) << line;
  }
}

}  // namespace
}  // namespace kubecliff::propagation
