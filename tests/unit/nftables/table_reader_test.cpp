// What a kernel may answer that a real one seldom does; the rest is held to the real one by
// tests/integration/nftables.
#include "collectors/nftables/table_reader.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"
#include "tests/support/file_tree.h"
#include "tests/support/nft_messages.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::nftables {
namespace {

using test::ByteVector;
using test::fails_with;
using test::FakeNetlink;
using test::FileTree;
using testing::HasSubstr;
using testing::SizeIs;

constexpr Clock::time_point kStart{std::chrono::hours{1}};

class TableReaderTest : public testing::Test {
 protected:
  TableReaderTest() { proc_.gzipped_file("config.gz", "CONFIG_NF_TABLES=y\n"); }

  void answer(const ByteVector& message) { kernel_.answer({test::datagram({message})}); }
  void answer_generation(std::uint32_t generation) { answer(test::nft_generation(generation)); }
  // The batch that waits for a commit.
  void answer_wait() { answer(test::error(-ERESTART)); }
  void answer_no_tables() {
    answer(test::error(-ENOENT));
    answer(test::error(-ENOENT));
  }
  // A pass at `generation` that finds no tables; it is `after` at its end.
  void answer_pass(std::uint32_t generation, std::uint32_t after) {
    answer_generation(generation);
    answer_wait();
    answer_no_tables();
    answer_wait();
    answer_generation(after);
  }

  FileTree proc_;
  FakeNetlink kernel_;
  std::shared_ptr<ServiceEndpoints> endpoints_ = std::make_shared<ServiceEndpoints>();
  TableReader reader_{kernel_.transport(), proc_.path(), endpoints_};
};

TEST_F(TableReaderTest, AsksNothingOfAKernelWithoutNfTables) {
  if (module_loaded("nf_tables")) {
    GTEST_SKIP() << "sysfs shows nf_tables loaded here";
  }
  proc_.gzipped_file("config.gz", "# CONFIG_NF_TABLES is not set\n");
  TableReader reader{kernel_.transport(), proc_.path()};
  EXPECT_EQ(reader.refresh(kStart), RefreshKind::unchanged);
  EXPECT_EQ(reader.generation(), std::nullopt);
  EXPECT_EQ(kernel_.times_opened(), 0);
}

TEST_F(TableReaderTest, AsksOneQuestionWhileNothingChanges) {
  answer_pass(5, 5);
  EXPECT_EQ(reader_.refresh(kStart), RefreshKind::full);
  EXPECT_EQ(reader_.generation(), 5U);
  EXPECT_FALSE(reader_.figures(AddressFamily::ipv4));
  ASSERT_THAT(kernel_.questions(), SizeIs(6));

  answer_generation(5);
  EXPECT_EQ(reader_.refresh(kStart + std::chrono::hours{1}), RefreshKind::unchanged);
  EXPECT_THAT(kernel_.questions(), SizeIs(7));
}

TEST_F(TableReaderTest, TriesAgainWhereACommitCameBetween) {
  answer_pass(5, 6);
  answer_pass(6, 6);
  EXPECT_EQ(reader_.refresh(kStart), RefreshKind::full);
  EXPECT_EQ(reader_.generation(), 6U);
}

TEST_F(TableReaderTest, GivesUpWhereCommitsComeWithoutEnd) {
  for (std::uint32_t generation = 5; generation < 8; ++generation) {
    answer_pass(generation, generation + 1);
  }
  EXPECT_THAT(reader_.refresh(kStart), fails_with(ErrorKind::torn, HasSubstr("kube-proxy")));
  EXPECT_EQ(reader_.generation(), std::nullopt);

  answer_pass(8, 8);
  EXPECT_EQ(reader_.refresh(kStart), RefreshKind::full) << "it begins anew at once";
}

TEST_F(TableReaderTest, SaysWhatItMayNot) {
  answer(test::error(-EPERM));
  EXPECT_THAT(reader_.refresh(kStart), fails_with(ErrorKind::denied, HasSubstr("nftables")));
}

TEST_F(TableReaderTest, RefusesBrokenSets) {
  answer_generation(5);
  answer_wait();
  answer(test::nft_table({.name = "kube-proxy", .handle = 1}, AddressFamily::ipv4, 5));
  answer(test::error(-ENOENT));
  const ByteVector nameless = test::nft_message(NFT_MSG_NEWSET, AddressFamily::ipv4, 5).message();
  kernel_.answer({test::datagram({nameless, test::done()})});
  EXPECT_THAT(reader_.refresh(kStart), fails_with(ErrorKind::malformed, HasSubstr("set")));
}

// Somebody deletes the table just after it was found.
TEST_F(TableReaderTest, ATableThatIsGoneIsAChange) {
  answer_generation(5);
  answer_wait();
  answer(test::nft_table({.name = "kube-proxy", .handle = 1}, AddressFamily::ipv4, 5));
  answer(test::error(-ENOENT));
  answer(test::error(-ENOENT));  // of the sets
  answer_pass(6, 6);
  EXPECT_EQ(reader_.refresh(kStart), RefreshKind::full);
  EXPECT_EQ(reader_.generation(), 6U);
}

// kube-proxy starts, and goes on writing while its new table is read.
TEST_F(TableReaderTest, ANewTableIsReadWholeHoweverManyTriesItTakes) {
  answer_pass(5, 5);
  EXPECT_EQ(reader_.refresh(kStart), RefreshKind::full);

  const auto answer_listing = [&](std::uint32_t generation, const ByteVector& chain) {
    answer_generation(generation);
    answer_wait();
    answer(test::nft_table({.name = "kube-proxy", .handle = 1}, AddressFamily::ipv4, generation));
    answer(test::error(-ENOENT));
    kernel_.answer({test::datagram({test::done()})});  // sets
    kernel_.answer({test::datagram({chain, test::done()})});
    answer_wait();
  };
  const test::NftChainSpec chain{
      .table = "kube-proxy", .name = "reject-chain", .handle = 1, .use = 1};
  answer_listing(6, test::nft_chain(chain, 6));
  answer_generation(7);  // torn
  answer_listing(7, test::nft_chain(chain, 7));
  answer_generation(7);
  answer(test::nft_table({.name = "kube-proxy", .handle = 1}, AddressFamily::ipv4, 7));
  kernel_.answer({test::datagram({test::nft_rule({}, 7), test::done()})});
  answer_wait();
  answer_generation(7);

  EXPECT_EQ(reader_.refresh(kStart + std::chrono::seconds{1}), RefreshKind::incremental);
  const auto& figures = reader_.figures(AddressFamily::ipv4);
  ASSERT_TRUE(figures);
  EXPECT_EQ(figures->rules, 1U);
}

ByteVector cluster_ips(std::uint32_t elements) {
  return test::nft_set({.name = "cluster-ips", .handle = 2, .elements = elements},
                       AddressFamily::ipv4, 5);
}

// While it is prepared it moves the number of elements; given up, it leaves the generation alone.
TEST_F(TableReaderTest, ATransactionThatIsGivenUpLeavesNoTrace) {
  const ByteVector table =
      test::nft_table({.name = "kube-proxy", .handle = 1}, AddressFamily::ipv4, 5);
  const auto answer_listing = [&](std::uint32_t elements, std::uint32_t a_moment_later) {
    answer_generation(5);
    answer_wait();
    answer(table);
    answer(test::error(-ENOENT));
    kernel_.answer({test::datagram({cluster_ips(elements), test::done()})});
    kernel_.answer({test::datagram({test::done()})});  // chains
    answer_wait();
    answer_generation(5);
    answer(table);
    answer(cluster_ips(a_moment_later));
  };
  answer_listing(900, 3);
  answer_listing(3, 3);
  answer_wait();
  answer_generation(5);
  EXPECT_EQ(reader_.refresh(kStart), RefreshKind::full);
  const auto& figures = reader_.figures(AddressFamily::ipv4);
  ASSERT_TRUE(figures);
  EXPECT_THAT(figures->elements, testing::Contains(3U));
  EXPECT_THAT(figures->elements, testing::Not(testing::Contains(900U)));
}

}  // namespace
}  // namespace kubecliff::nftables
