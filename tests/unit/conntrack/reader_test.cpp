#include "collectors/conntrack/reader.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <cerrno>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"
#include "tests/support/file_tree.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::conntrack {
namespace {

using test::ctnetlink_message;
using test::datagram;
using test::fails_with;
using test::FakeNetlink;
using test::FileTree;
using test::has_value;
using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A node with ctnetlink, a table of 5 of 100 entries in /proc, and one CPU there with 9 drops.
class ReaderTest : public ::testing::Test {
 protected:
  ReaderTest() {
    sys_.directory("module/nf_conntrack").directory("module/nf_conntrack_netlink");
    proc_.gzipped_file("config.gz", "CONFIG_NF_CONNTRACK=m\nCONFIG_NF_CT_NETLINK=m\n")
        .file("sys/net/netfilter/nf_conntrack_count", "5\n")
        .file("sys/net/netfilter/nf_conntrack_max", "100\n")
        .file("sys/net/netfilter/nf_conntrack_buckets", "25\n")
        .file("net/stat/nf_conntrack", "entries  drop\n00000005  00000009\n");
  }

  [[nodiscard]] Reader reader() const {
    return {proc_.path(), Availability{proc_.path(), sys_.path()}, kernel_.transport()};
  }

  static test::ByteVector size_message(std::uint32_t entries, std::uint32_t limit) {
    return ctnetlink_message(IPCTNL_MSG_CT_GET_STATS)
        .be32(CTA_STATS_GLOBAL_ENTRIES, entries)
        .be32(CTA_STATS_GLOBAL_MAX_ENTRIES, limit)
        .message();
  }

  static test::ByteVector drops_message(std::uint16_t cpu, std::uint32_t drops) {
    return ctnetlink_message(IPCTNL_MSG_CT_GET_STATS_CPU, 0, cpu)
        .be32(CTA_STATS_DROP, drops)
        .message();
  }

  FakeNetlink kernel_;
  FileTree proc_;
  FileTree sys_;
};

TEST_F(ReaderTest, AsksCtnetlinkWhereItIsThere) {
  kernel_.answer({datagram({size_message(7, 200)})})
      .answer({datagram({drops_message(0, 1), drops_message(1, 2)}), datagram({test::done()})});
  Reader reader = this->reader();

  const auto size = reader.read_size();
  ASSERT_THAT(size, has_value());
  EXPECT_EQ(*size, (TableSize{.entries = 7, .limit = 200}));

  const auto counters = reader.read_counters();
  ASSERT_THAT(counters, has_value());
  EXPECT_THAT(*counters, ElementsAre(Field(&CpuCounters::cpu, 0U), Field(&CpuCounters::cpu, 1U)));
  EXPECT_EQ(kernel_.times_opened(), 1);

  std::vector<std::uint16_t> types;
  for (const auto& question : kernel_.questions()) {
    types.push_back(test::header_of(question).nlmsg_type);
  }
  EXPECT_THAT(types, ElementsAre((NFNL_SUBSYS_CTNETLINK << 8U) | IPCTNL_MSG_CT_GET_STATS,
                                 (NFNL_SUBSYS_CTNETLINK << 8U) | IPCTNL_MSG_CT_GET_STATS_CPU));
}

TEST_F(ReaderTest, ReadsProcWhereCtnetlinkIsDenied) {
  kernel_.answer({datagram({test::error(-EPERM)})}).answer({datagram({test::error(-EPERM)})});
  Reader reader = this->reader();

  const auto size = reader.read_size();
  ASSERT_THAT(size, has_value());
  EXPECT_EQ(*size, (TableSize{.entries = 5, .limit = 100}));
  const auto counters = reader.read_counters();
  ASSERT_THAT(counters, has_value());
  ASSERT_THAT(*counters, SizeIs(1));
  EXPECT_EQ(counters->front()[Counter::drop], 9U);
}

TEST_F(ReaderTest, ReadsProcWhereCtnetlinkIsNotLoadedAndDoesNotAsk) {
  sys_.remove("module/nf_conntrack_netlink");
  Reader reader = this->reader();
  EXPECT_THAT(reader.read_size(), has_value());
  EXPECT_THAT(reader.read_counters(), has_value());
  EXPECT_THAT(reader.count_flows(), fails_with(ErrorKind::unavailable, HasSubstr("modprobe")));
  EXPECT_EQ(kernel_.times_opened(), 0);
}

TEST_F(ReaderTest, ReadsProcWhereCtnetlinkDoesNotTellTheLimit) {
  kernel_.answer({datagram(
      {ctnetlink_message(IPCTNL_MSG_CT_GET_STATS).be32(CTA_STATS_GLOBAL_ENTRIES, 7).message()})});
  const auto size = reader().read_size();
  ASSERT_THAT(size, has_value());
  EXPECT_EQ(*size, (TableSize{.entries = 5, .limit = 100}));
}

TEST_F(ReaderTest, WithoutTrackingNothingIsAskedOrRead) {
  sys_.remove("module/nf_conntrack");
  Reader reader = this->reader();
  const auto unavailable = fails_with(ErrorKind::unavailable, HasSubstr("nf_conntrack"));
  EXPECT_THAT(reader.read_size(), unavailable);
  EXPECT_THAT(reader.read_counters(), unavailable);
  EXPECT_THAT(reader.read_buckets(), unavailable);
  EXPECT_THAT(reader.count_flows(), unavailable);
  EXPECT_EQ(kernel_.times_opened(), 0);
}

TEST_F(ReaderTest, WhereNeitherAnswersBothSayWhy) {
  kernel_.answer({datagram({test::error(-EPERM)})});
  proc_.remove("net");
  EXPECT_THAT(reader().read_counters(),
              fails_with(ErrorKind::denied,
                         AllOf(HasSubstr("CAP_NET_ADMIN"), HasSubstr("net/stat/nf_conntrack"))));
}

TEST_F(ReaderTest, AFailureOfWorkingCtnetlinkIsNotPassedOver) {
  Reader reader = this->reader();
  EXPECT_THAT(reader.read_size(), fails_with(ErrorKind::timeout, HasSubstr("ctnetlink")));
  kernel_.answer({datagram({test::done()})});
  EXPECT_THAT(reader.read_counters(), fails_with(ErrorKind::malformed, _));
}

TEST_F(ReaderTest, BucketsAreRead) {
  const auto buckets = reader().read_buckets();
  ASSERT_THAT(buckets, has_value());
  EXPECT_EQ(*buckets, 25U);
}

TEST_F(ReaderTest, CountsTheFlowsOfARealKernel) {
  kernel_.answer({{.datagram = test::read_bytes(CAPTURED "/flows.bin")}, datagram({test::done()})});
  const auto counts = reader().count_flows();
  ASSERT_THAT(counts, has_value());
  EXPECT_EQ(counts->count(Protocol::tcp, State::established), 2U);
  EXPECT_EQ(counts->count(Protocol::udp, State::assured), 1U);
  EXPECT_EQ(counts->count(Protocol::other, State::unreplied), 1U);
}

TEST_F(ReaderTest, HalfADumpIsNoCount) {
  const test::Reply flows{.datagram = test::read_bytes(CAPTURED "/flows.bin")};
  kernel_.answer({flows, test::failure({ErrorKind::overrun, ENOBUFS, "dropped"})})
      .answer({flows, datagram({test::done(-EINTR)})})
      .answer({flows, datagram({ctnetlink_message(IPCTNL_MSG_CT_NEW).message()})})
      .answer({flows, datagram({test::done()})});
  Reader reader = this->reader();
  EXPECT_THAT(reader.count_flows(), fails_with(ErrorKind::overrun, _));
  EXPECT_THAT(reader.count_flows(), fails_with(ErrorKind::internal, _));
  EXPECT_THAT(reader.count_flows(), fails_with(ErrorKind::malformed, _));
  const auto counts = reader.count_flows();
  ASSERT_THAT(counts, has_value());
  EXPECT_EQ(counts->count(Protocol::tcp, State::established), 2U);
}

}  // namespace
}  // namespace kubecliff::conntrack
