#include "collectors/kernel/process_stat.h"

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/procfs.h"
#include "tests/support/result_matchers.h"

namespace kubecliff {
namespace {

using namespace std::chrono_literals;

std::string stat_of(const std::string& name, const std::string& after_state) {
  return "42 (" + name + ") S " + after_state + "\n";
}

// Fields 4 to 13, then 14 to 24.
const std::string plain_fields =
    "1 42 42 0 -1 4194560 2000 0 3 0 "
    "150 50 7 3 20 0 12 0 250 900000000 1000 18446744073709551615 1 1 0 0 0";

TEST(ProcessStat, TakesTimesAndMemoryOutOfTheirFields) {
  const std::string text = stat_of("kube-proxy", plain_fields);
  const auto stat = decode_process_stat(text);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->name, "kube-proxy");
  EXPECT_EQ(stat->state, 'S');
  // Of a hundred ticks a second.
  EXPECT_EQ(stat->cpu, 2s);
  EXPECT_EQ(stat->children_cpu, 100ms);
  EXPECT_EQ(stat->start, 2500ms);
}

TEST(ProcessStat, NameMayHoldWhateverItLikes) {
  for (const std::string name : {"", ") S 1 2 3 (", "a b", "((((", "))))", "\n"}) {
    const std::string text = stat_of(name, plain_fields);
    const auto stat = decode_process_stat(text);
    ASSERT_TRUE(stat) << name;
    EXPECT_EQ(stat->name, name);
    EXPECT_EQ(stat->start, 2500ms);
  }
}

TEST(ProcessStat, WhatIsCutOrNoNumberIsNothing) {
  const std::string whole = stat_of("kube-proxy", plain_fields);
  // Up to the last field that is used, every cut shows.
  const std::size_t needed = whole.find("0 900000000");
  for (std::size_t size = 0; size < needed; ++size) {
    EXPECT_FALSE(decode_process_stat(whole.substr(0, size))) << size;
  }
  for (const std::string wrong :
       {"1 42 42 0 -1 4194560 2000 0 3 0 -1 50 7 3 20 0 12 0 250 9 1000 1",
        "1 42 42 0 -1 4194560 2000 0 3 0 x 50 7 3 20 0 12 0 250 9 1000 1",
        "1 42 42 0 -1 4194560 2000 0 3 0 9223372036854775807 50 7 3 20 0 12 0 250 9 1000 1"}) {
    EXPECT_FALSE(decode_process_stat(stat_of("kube-proxy", wrong))) << wrong;
  }
}

TEST(ProcessMemory, IsThatOfTheFirstTwoFields) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const auto memory = decode_process_memory("1000 200 30 4 0 5 0\n");
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->virtual_bytes, 1000 * page);
  EXPECT_EQ(memory->resident_bytes, 200 * page);
  for (const std::string wrong : {"", "1000", "x 1", "1 x", "-1 1", "1 18446744073709551615 1"}) {
    EXPECT_FALSE(decode_process_memory(wrong)) << wrong;
  }
}

TEST(ProcessStat, OurOwnStartedBeforeNow) {
  const auto text = read_file("/proc/self/stat");
  ASSERT_THAT(text, test::has_value());
  const auto stat = decode_process_stat(*text);
  ASSERT_TRUE(stat);
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  const auto age = now - since_epoch(stat->start);
  EXPECT_GE(age, -10ms);
  EXPECT_LT(age, 10min);
}

}  // namespace
}  // namespace kubecliff
