#include "collectors/nic/allowances.h"

#include <linux/ethtool.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/nic/decode_statistics.h"
#include "tests/support/fake_netlink.h"
#include "tests/support/result_matchers.h"
#include "tests/unit/nic/fake_driver.h"

namespace kubecliff::nic {
namespace {

using test::ByteVector;
using test::fails_with;
using test::FakeCard;
using test::FakeDriver;
using test::has_value;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// --- what the driver answers ---

template <typename Header>
ByteVector answer(const Header& header, std::string_view rest = {}) {
  const Bytes head = std::as_bytes(std::span{&header, 1});
  const Bytes tail = std::as_bytes(std::span{rest});
  ByteVector bytes{head.begin(), head.end()};
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  return bytes;
}

std::string names(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& name : all) {
    text += name;
    text.resize(text.size() + ETH_GSTRING_LEN - name.size());
  }
  return text;
}

ByteVector names_answer(std::uint32_t count, const std::vector<std::string>& all) {
  ethtool_gstrings header{};
  header.cmd = ETHTOOL_GSTRINGS;
  header.len = count;
  return answer(header, names(all));
}

ByteVector values_answer(std::uint32_t count, const std::vector<std::uint64_t>& values) {
  ethtool_stats header{};
  header.cmd = ETHTOOL_GSTATS;
  header.n_stats = count;
  return answer(header, {reinterpret_cast<const char*>(values.data()), 8 * values.size()});
}

TEST(DecodeCount, IsThatOfTheStatisticsOrNone) {
  ethtool_sset_info header{};
  header.cmd = ETHTOOL_GSSET_INFO;
  header.sset_mask = 1U << ETH_SS_STATS;
  EXPECT_EQ(decode_count(answer(header, {"\x2a\0\0\0", 4})), 42U);
  EXPECT_THAT(decode_count(answer(header, {"\x2a\0\0", 3})),
              fails_with(ErrorKind::malformed, HasSubstr("shorter")));
  header.sset_mask = 0;
  EXPECT_EQ(decode_count(answer(header)), 0U);
  EXPECT_THAT(decode_count({}), fails_with(ErrorKind::malformed, HasSubstr("no such")));
  header.cmd = ETHTOOL_GSTATS;
  EXPECT_THAT(decode_count(answer(header)), fails_with(ErrorKind::malformed, HasSubstr("no such")));
}

TEST(DecodeNames, FindsTheKnownOnesWhereverTheyStand) {
  const auto places = decode_names(
      names_answer(5, {"tx_timeout", "conntrack_allowance_available", "pps_allowance_exceeded",
                       "pps_allowance_exceeded", "conntrack_allowance_exceeded_"}),
      5);
  ASSERT_THAT(places, has_value());
  EXPECT_THAT(*places, ElementsAre(Place{.statistic = 2, .position = 2},
                                   Place{.statistic = 5, .position = 1}));
  EXPECT_THAT(decode_names(names_answer(0, {}), 0), has_value());
}

TEST(DecodeNames, RefusesAnswersThatCannotBe) {
  EXPECT_THAT(decode_names(names_answer(2, {"one"}), 2),
              fails_with(ErrorKind::malformed, HasSubstr("shorter")));
  EXPECT_THAT(decode_names(names_answer(0xffffffff, {"one"}), 0xffffffff),
              fails_with(ErrorKind::malformed, HasSubstr("shorter")));
  EXPECT_THAT(decode_names(names_answer(1, {"one"}), 2),
              fails_with(ErrorKind::torn, HasSubstr("1 of them, not 2")));
  EXPECT_THAT(decode_names(values_answer(1, {1}), 1),
              fails_with(ErrorKind::malformed, HasSubstr("no such")));
}

TEST(DecodeValues, AreThoseAtTheirPlaces) {
  const std::vector<Place> places{{.statistic = 2, .position = 2}, {.statistic = 5, .position = 0}};
  const auto values = decode_values(values_answer(3, {10, 11, 12}), 3, places);
  ASSERT_THAT(values, has_value());
  EXPECT_THAT(*values, ElementsAre(12U, 10U));

  EXPECT_THAT(decode_values(values_answer(3, {10, 11}), 3, places),
              fails_with(ErrorKind::malformed, HasSubstr("shorter")));
  EXPECT_THAT(decode_values(values_answer(2, {10, 11}), 2, places),
              fails_with(ErrorKind::malformed, HasSubstr("shorter")));
  EXPECT_THAT(decode_values(values_answer(0, {}), 3, places),
              fails_with(ErrorKind::torn, HasSubstr("0 of them")));
  EXPECT_THAT(decode_values({}, 3, places), fails_with(ErrorKind::malformed, HasSubstr("no such")));
}

// --- cards ---

using Statistics = std::vector<std::pair<std::string, std::uint64_t>>;

// As release 2.8 and later of Amazon's driver lists them, with one of its queues in full.
Statistics ena_statistics(std::size_t queues = 2) {
  Statistics all{{"tx_timeout", 0},
                 {"suspend", 0},
                 {"resume", 0},
                 {"wd_expired", 0},
                 {"interface_up", 1},
                 {"interface_down", 0},
                 {"admin_q_pause", 0},
                 {"bw_in_allowance_exceeded", 211},
                 {"bw_out_allowance_exceeded", 223},
                 {"pps_allowance_exceeded", 233},
                 {"conntrack_allowance_exceeded", 227},
                 {"linklocal_allowance_exceeded", 229},
                 {"conntrack_allowance_available", 136812}};
  for (std::size_t queue = 0; queue < queues; ++queue) {
    for (const char* name : {"tx_cnt", "tx_bytes", "tx_queue_stop", "rx_cnt", "rx_bytes"}) {
      all.emplace_back("queue_" + std::to_string(queue) + "_" + name, 4'242);
    }
  }
  all.emplace_back("ena_admin_q_completed_cmd", 19);
  return all;
}

std::uint64_t& value_of(FakeCard& card, std::string_view name) {
  for (auto& [statistic, value] : card.statistics) {
    if (statistic == name) {
      return value;
    }
  }
  throw std::out_of_range{std::string{name}};
}

// By "device resource measure".
using Readings = std::map<std::string, std::uint64_t>;

struct Reader {
  explicit Reader(FakeDriver& kernel) : reader{kernel.ethtool()} {}

  void watch(const std::vector<std::uint32_t>& cards) {
    misses.clear();
    reader.watch(cards, misses);
  }
  Readings read() {
    misses.clear();
    Readings readings;
    for (const Allowances& card : reader.read(misses)) {
      for (std::size_t i = 0; i < kStatistics.size(); ++i) {
        if (card.values[i]) {
          const Statistic& statistic = kStatistics[i];
          readings[card.device + ' ' + std::string{name(statistic.resource)} +
                   (statistic.measure == Measure::exceeded ? " exceeded" : " available")] =
              *card.values[i];
        }
      }
    }
    return readings;
  }

  AllowanceReader reader;
  std::vector<Error> misses;
};

const Readings ena_readings{
    {"eth0 bandwidth_in exceeded", 211}, {"eth0 bandwidth_out exceeded", 223},
    {"eth0 pps exceeded", 233},          {"eth0 conntrack exceeded", 227},
    {"eth0 linklocal exceeded", 229},    {"eth0 conntrack available", 136812}};

TEST(AllowanceReader, ReadsWhatAmazonsDriverTells) {
  FakeDriver kernel;
  kernel.cards[2] = {.name = "eth0", .statistics = ena_statistics()};
  Reader reader{kernel};
  reader.watch({2});
  EXPECT_EQ(reader.read(), ena_readings);
  value_of(kernel.cards[2], "pps_allowance_exceeded") = 300;
  EXPECT_EQ(reader.read()["eth0 pps exceeded"], 300U);
  EXPECT_THAT(reader.misses, IsEmpty());
  EXPECT_FALSE(reader.reader.outdated());
  EXPECT_THAT(kernel.asked,
              ElementsAre(ETHTOOL_GSSET_INFO, ETHTOOL_GSTRINGS, ETHTOOL_GSTATS, ETHTOOL_GSTATS));
}

TEST(AllowanceReader, ReadsThemInAnyOrderAndAsManyAsThereAre) {
  FakeDriver kernel;
  Statistics reversed = ena_statistics();
  std::ranges::reverse(reversed);
  kernel.cards[2] = {.name = "eth0", .statistics = reversed};
  Reader reader{kernel};
  reader.watch({2});
  EXPECT_EQ(reader.read(), ena_readings);

  // Older releases, and the kernel's own driver.
  Statistics older = ena_statistics();
  std::erase_if(older, [](const auto& each) { return each.first.ends_with("available"); });
  kernel.cards[3] = {.name = "eth1", .statistics = older};
  reader.watch({3});
  EXPECT_THAT(reader.read(), SizeIs(ena_readings.size() - 1));
}

TEST(AllowanceReader, AsksOtherDriversOnce) {
  FakeDriver kernel;
  kernel.cards[2] = {.name = "eth0", .statistics = {{"rx_queue_0_packets", 5}}};
  kernel.cards[3] = {.name = "dummy", .statistics = {}};
  kernel.cards[4] = {.name = "old", .statistics = {}, .error = EOPNOTSUPP};
  Reader reader{kernel};
  for (int i = 0; i < 3; ++i) {
    reader.watch({2, 3, 4});
    EXPECT_THAT(reader.read(), IsEmpty());
    EXPECT_THAT(reader.misses, IsEmpty());
  }
  EXPECT_THAT(kernel.asked, ElementsAre(ETHTOOL_GSSET_INFO, ETHTOOL_GSTRINGS, ETHTOOL_GSSET_INFO,
                                        ETHTOOL_GSSET_INFO));
}

TEST(AllowanceReader, FollowsADeviceThatIsRenamed) {
  FakeDriver kernel;
  kernel.cards[2] = {.name = "eth0", .statistics = ena_statistics()};
  Reader reader{kernel};
  reader.watch({2});
  kernel.cards[2].name = "ens5";
  EXPECT_EQ(reader.read()["ens5 pps exceeded"], 233U);
}

TEST(AllowanceReader, LooksAgainWhereADeviceWentOrCameBack) {
  FakeDriver kernel;
  kernel.cards[2] = {.name = "eth0", .statistics = ena_statistics()};
  kernel.cards[3] = {.name = "eth1", .statistics = ena_statistics()};
  Reader reader{kernel};
  reader.watch({2, 3});
  EXPECT_THAT(reader.read(), SizeIs(12));

  kernel.cards.erase(3);
  kernel.cards[2].error = ENODEV;  // while it is reset
  EXPECT_THAT(reader.read(), IsEmpty());
  EXPECT_THAT(reader.misses, IsEmpty());
  EXPECT_TRUE(reader.reader.outdated());

  // By its old index, with another driver.
  kernel.cards[2].error = 0;
  std::ranges::reverse(kernel.cards[2].statistics);
  reader.watch({2});
  EXPECT_FALSE(reader.reader.outdated());
  EXPECT_EQ(reader.read(), ena_readings);
}

// Queues were added. Whether the kernel notices, or writes more than was asked for.
TEST(AllowanceReader, ReadsNamesAgainWhenTheirNumberChanges) {
  for (const bool checks_counts : {true, false}) {
    FakeDriver kernel;
    kernel.checks_counts = checks_counts;
    Statistics all = ena_statistics(4);
    std::ranges::reverse(all);
    kernel.cards[2] = {.name = "eth0", .statistics = ena_statistics(1)};
    Reader reader{kernel};
    reader.watch({2});
    EXPECT_EQ(reader.read(), ena_readings);
    kernel.cards[2].statistics = all;
    EXPECT_EQ(reader.read(), ena_readings);
    EXPECT_THAT(reader.misses, IsEmpty());

    kernel.cards[2].statistics = {{"rx_packets", 1}};
    EXPECT_THAT(reader.read(), IsEmpty());
    EXPECT_THAT(reader.misses, IsEmpty());
  }
}

TEST(AllowanceReader, DoesNotBelieveCountsThatLie) {
  FakeDriver kernel;
  kernel.cards[2] = {.name = "eth0", .statistics = ena_statistics(), .told_count = 0xffffffff};
  kernel.cards[3] = {.name = "eth1", .statistics = ena_statistics(), .told_count = 3};
  kernel.cards[4] = {.name = "eth2", .statistics = {}, .error = EIO};
  Reader reader{kernel};
  reader.watch({2, 3, 4});
  ASSERT_THAT(reader.misses, SizeIs(2)) << "a driver of so many is none that is known";
  EXPECT_EQ(reader.misses[0].kind, ErrorKind::torn);
  EXPECT_THAT(reader.misses[0].message, HasSubstr("eth1"));
  EXPECT_THAT(reader.misses[1].message, HasSubstr("eth2"));
  EXPECT_THAT(reader.read(), IsEmpty());

  // They were not remembered as drivers without allowances.
  kernel.cards[3].told_count.reset();
  reader.watch({2, 3, 4});
  EXPECT_THAT(reader.read(), SizeIs(6));
}

TEST(AllowanceReader, TakesZerosAllOverForNoAnswer) {
  FakeDriver kernel;
  kernel.cards[2] = {.name = "eth0", .statistics = ena_statistics()};
  Reader reader{kernel};
  reader.watch({2});
  for (auto& [statistic, value] : kernel.cards[2].statistics) {
    value = 0;
  }
  EXPECT_THAT(reader.read(), IsEmpty());
  ASSERT_THAT(reader.misses, SizeIs(1));
  EXPECT_THAT(reader.misses[0].message, HasSubstr("eth0"));

  // Nothing is left, and that has cost packets.
  value_of(kernel.cards[2], "conntrack_allowance_exceeded") = 1;
  EXPECT_EQ(reader.read()["eth0 conntrack available"], 0U);
}

TEST(AllowanceReader, ReadsEightDevicesAtTheMost) {
  FakeDriver kernel;
  std::vector<std::uint32_t> all;
  for (std::uint32_t index = 2; index < 14; ++index) {
    kernel.cards[index] = {.name = "eth" + std::to_string(index), .statistics = ena_statistics()};
    all.push_back(index);
  }
  kernel.cards[2].statistics = {{"rx_packets", 1}};
  Reader reader{kernel};
  reader.watch(all);
  const Readings readings = reader.read();
  EXPECT_THAT(readings, SizeIs(6 * AllowanceReader::kMostDevices));
  EXPECT_TRUE(readings.contains("eth3 pps exceeded"));
  EXPECT_FALSE(readings.contains("eth11 pps exceeded"));
}

}  // namespace
}  // namespace kubecliff::nic
