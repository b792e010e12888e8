#include "exporter/evidence/sources.h"

#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff::evidence {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Source file_source(std::string name) {
  return {.name = name, .deadline = 10s, .gather = [name]() -> Gathered {
            return {.files = {{.name = name, .content = "content"}}};
          }};
}

constexpr auto kSilent = [](auto&&...) {};

TEST(AskSources, WhatThrowsFailsAlone) {
  std::vector<Source> sources{file_source("a"),
                              {.name = "thrower",
                               .deadline = 10s,
                               .gather = []() -> Gathered { throw std::runtime_error{"burst"}; }},
                              file_source("b")};
  std::vector<std::string> told;
  const Asked asked = ask_sources(
      std::move(sources), 1min, [&](std::string_view name, auto&&...) { told.emplace_back(name); });
  ASSERT_EQ(asked.gathered.size(), 3);
  EXPECT_THAT(asked.gathered[0].files, ElementsAre(File{"a", "content"}));
  EXPECT_THAT(asked.gathered[1].missed, ElementsAre(Missed{"thrower", "burst"}));
  EXPECT_THAT(asked.gathered[2].files, ElementsAre(File{"b", "content"}));
  EXPECT_THAT(told, ElementsAre("a", "thrower", "b"));
  EXPECT_FALSE(asked.left_behind);
}

TEST(AskSources, WhatHangsIsLeftBehind) {
  const auto release = std::make_shared<std::promise<void>>();
  const auto done = std::make_shared<std::promise<void>>();
  std::vector<Source> sources{
      {.name = "hangs",
       .deadline = 20ms,
       .gather = [released = release->get_future().share(), done]() -> Gathered {
         released.wait();
         done->set_value();
         return {};
       }},
      file_source("next")};
  const Asked asked = ask_sources(std::move(sources), 1min, kSilent);
  EXPECT_TRUE(asked.left_behind);
  EXPECT_THAT(asked.gathered[0].missed, ElementsAre(Missed{"hangs", "no answer within 20 ms"}));
  EXPECT_THAT(asked.gathered[1].missed, IsEmpty());
  // The thread ends with this test, and not later than what it uses.
  release->set_value();
  done->get_future().wait();
}

TEST(AskSources, NamesOfWhatFailsAreNotKnown) {
  std::vector<Source> sources{{.name = "rules",
                               .deadline = 10s,
                               .names = Source::Names::some,
                               .gather = []() -> Gathered { throw std::runtime_error{"burst"}; }},
                              file_source("next")};
  const Asked asked = ask_sources(std::move(sources), 1min, kSilent);
  EXPECT_EQ(asked.gathered[0].names_seen, NamesSeen::not_all);
  EXPECT_EQ(asked.gathered[1].names_seen, NamesSeen::all);
}

TEST(AskSources, AfterTheTimeForAllNobodyIsAsked) {
  std::vector<Source> sources{file_source("late")};
  const Asked asked = ask_sources(std::move(sources), 0ms, kSilent);
  ASSERT_EQ(asked.gathered[0].missed.size(), 1);
  EXPECT_THAT(asked.gathered[0].missed[0].reason, HasSubstr("not asked"));
}

}  // namespace
}  // namespace kubecliff::evidence
