#include "collectors/conntrack/decode_stats.h"

#include <linux/netfilter/nfnetlink_conntrack.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/netlink_message.h"
#include "tests/support/fake_netlink.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::conntrack {
namespace {

using test::ctnetlink_message;
using test::fails_with;
using test::has_value;
using test::MessageBuilder;
using ::testing::_;
using ::testing::HasSubstr;

constexpr std::uint8_t kStats = IPCTNL_MSG_CT_GET_STATS;
constexpr std::uint8_t kCpuStats = IPCTNL_MSG_CT_GET_STATS_CPU;

// A CPU that counts everything a kernel from 5.15 on does; only some moved.
CpuCounters moved(std::uint32_t cpu, std::uint32_t invalid, std::uint32_t error) {
  CpuCounters counters{.cpu = cpu};
  counters.values.fill(0);
  counters[Counter::invalid] = invalid;
  counters[Counter::error] = error;
  return counters;
}

TEST(DecodeTableSize, OfARealKernel) {
  const auto bytes = test::read_bytes(CAPTURED "/stats.bin");
  netlink::Messages messages{bytes};
  netlink::Message message;
  ASSERT_TRUE(messages.next(message));
  const auto size = decode_table_size(message.payload);
  ASSERT_THAT(size, has_value());
  EXPECT_EQ(*size, (TableSize{.entries = 12, .limit = 262'144}));
}

TEST(DecodeTableSize, WithoutTheLimitIsNotEnough) {
  const auto payload = ctnetlink_message(kStats).be32(CTA_STATS_GLOBAL_ENTRIES, 7).payload();
  EXPECT_THAT(decode_table_size(payload), fails_with(ErrorKind::unavailable, HasSubstr("4.18")));
}

TEST(DecodeTableSize, OfBrokenMessagesIsAnError) {
  const auto whole = ctnetlink_message(kStats)
                         .be32(CTA_STATS_GLOBAL_ENTRIES, 7)
                         .be32(CTA_STATS_GLOBAL_MAX_ENTRIES, 8)
                         .payload();
  ASSERT_THAT(decode_table_size(whole), has_value());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_table_size(Bytes{whole}.first(size))) << size;
  }
}

TEST(DecodeCpuCounters, OfARealKernel) {
  const auto bytes = test::read_bytes(CAPTURED "/stats_cpu.bin");
  netlink::Messages messages{bytes};
  std::vector<CpuCounters> cpus;
  for (netlink::Message message; messages.next(message);) {
    const auto cpu = decode_cpu_counters(message.payload);
    ASSERT_THAT(cpu, has_value());
    cpus.push_back(*cpu);
  }
  EXPECT_FALSE(messages.malformed());
  EXPECT_EQ(cpus, (std::vector{moved(0, 6, 2), moved(1, 0, 0)}));
}

TEST(DecodeCpuCounters, EachAttributeIsItsCounter) {
  MessageBuilder message = ctnetlink_message(kCpuStats, 0, 300);
  for (unsigned type = CTA_STATS_SEARCHED; type <= CTA_STATS_MAX + 1; ++type) {
    message.be32(static_cast<std::uint16_t>(type), 100 + type);
  }
  const auto counters = decode_cpu_counters(message.payload());
  ASSERT_THAT(counters, has_value());
  CpuCounters expected{.cpu = 300};
  expected[Counter::found] = 100 + CTA_STATS_FOUND;
  expected[Counter::invalid] = 100 + CTA_STATS_INVALID;
  expected[Counter::insert_failed] = 100 + CTA_STATS_INSERT_FAILED;
  expected[Counter::drop] = 100 + CTA_STATS_DROP;
  expected[Counter::early_drop] = 100 + CTA_STATS_EARLY_DROP;
  expected[Counter::error] = 100 + CTA_STATS_ERROR;
  expected[Counter::search_restart] = 100 + CTA_STATS_SEARCH_RESTART;
  expected[Counter::clash_resolve] = 100 + CTA_STATS_CLASH_RESOLVE;
  expected[Counter::chain_too_long] = 100 + CTA_STATS_CHAIN_TOOLONG;
  EXPECT_EQ(*counters, expected);
}

TEST(DecodeCpuCounters, WhatTheKernelDoesNotSendStaysOut) {
  const auto counters =
      decode_cpu_counters(ctnetlink_message(kCpuStats).be32(CTA_STATS_DROP, 0).payload());
  ASSERT_THAT(counters, has_value());
  EXPECT_EQ((*counters)[Counter::drop], 0U);
  EXPECT_EQ((*counters)[Counter::clash_resolve], std::nullopt);
}

TEST(DecodeCpuCounters, OfBrokenMessagesIsAnError) {
  const auto whole = ctnetlink_message(kCpuStats).be32(CTA_STATS_DROP, 1).payload();
  for (const std::size_t size : {std::size_t{0}, std::size_t{3}, whole.size() - 1}) {
    EXPECT_THAT(decode_cpu_counters(Bytes{whole}.first(size)), fails_with(ErrorKind::malformed, _))
        << size;
  }
  EXPECT_THAT(decode_cpu_counters(ctnetlink_message(kCpuStats).u8(CTA_STATS_DROP, 1).payload()),
              fails_with(ErrorKind::malformed, HasSubstr("short")));
}

TEST(ParseCpuCounters, OfARealKernelAreThoseOfCtnetlink) {
  const auto bytes = test::read_bytes(CAPTURED "/proc_net_stat_nf_conntrack.txt");
  const auto cpus = parse_cpu_counters(text_of(bytes));
  ASSERT_THAT(cpus, has_value());
  EXPECT_EQ(*cpus, (std::vector{moved(0, 6, 2), moved(1, 0, 0)}));
}

TEST(ParseCpuCounters, GoesByTheNamesOfTheColumns) {
  const auto cpus = parse_cpu_counters(
      "drop chainlength  new clashres icmp_error\n"
      "0000000a 0000000b  ffffffff ffffffff 00000001\n");
  ASSERT_THAT(cpus, has_value());
  CpuCounters expected{.cpu = 0};
  expected[Counter::drop] = 10;
  expected[Counter::chain_too_long] = 11;
  expected[Counter::clash_resolve] = 0xffff'ffff;
  expected[Counter::error] = 1;
  EXPECT_EQ(*cpus, std::vector{expected});
}

// Linux 4.9 to 5.9 print zeros there, older ones count lookups and list deletions.
TEST(ParseCpuCounters, TheOldNamesOfReusedColumnsAreNotOurs) {
  const auto cpus = parse_cpu_counters(
      "entries searched found delete_list drop\n"
      "00000001 00000002 00000003 00000004 00000005\n");
  ASSERT_THAT(cpus, has_value());
  const CpuCounters& cpu = cpus->front();
  EXPECT_EQ(cpu[Counter::found], 3U);
  EXPECT_EQ(cpu[Counter::drop], 5U);
  EXPECT_EQ(cpu[Counter::clash_resolve], std::nullopt);
  EXPECT_EQ(cpu[Counter::chain_too_long], std::nullopt);
}

TEST(ParseCpuCounters, OfBrokenTextIsAnError) {
  for (const std::string_view text : {
           "", "\n", "found drop\n",                       // no CPU
           "found drop\n00000001\n",                       // a column short
           "found drop\n00000001 xyz\n",                   // not a number
           "found drop\n00000001 100000000\n",             // 33 bits
           "found drop\n00000001 00000002\n\n00000001 2",  // an empty line
       }) {
    EXPECT_THAT(parse_cpu_counters(text), fails_with(ErrorKind::malformed, _)) << text;
  }
}

}  // namespace
}  // namespace kubecliff::conntrack
