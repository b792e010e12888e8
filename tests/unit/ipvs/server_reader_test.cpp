#include "collectors/ipvs/server_reader.h"

#include <linux/genetlink.h>

#include <cerrno>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"
#include "tests/support/file_tree.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::ipvs {
namespace {

using test::fails_with;
using test::FakeNetlink;
using test::FileTree;
using test::has_value;
using testing::HasSubstr;

constexpr std::string_view kHeader =
    "IP Virtual Server version 1.2.1 (size=4096)\n"
    "Prot LocalAddress:Port Scheduler Flags\n"
    "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n";

TEST(ServerReader, AsksNothingWhereTheFileSaysAll) {
  FileTree proc;
  proc.file("net/ip_vs", std::string{kHeader} + "TCP  0A600001:01BB rr  \n");
  const FakeNetlink kernel;
  ServerReader reader{kernel.transport(), proc.path()};
  const auto reading = reader.read();
  ASSERT_THAT(reading, has_value());
  EXPECT_EQ(reading->table_buckets, 4096U);
  EXPECT_EQ(kernel.times_opened(), 0);
}

TEST(ServerReader, AsksNetlinkWhereThereIsNoFile) {
  const FileTree proc;
  FakeNetlink kernel;
  kernel.answer({test::datagram({test::error(-EPERM)})});
  ServerReader reader{kernel.transport(), proc.path()};
  EXPECT_THAT(reader.read(), fails_with(ErrorKind::denied, HasSubstr("IPVS by netlink")));
}

TEST(ServerReader, AsksNetlinkForTheFamilyOfFirewallMarks) {
  FileTree proc;
  proc.file("net/ip_vs", std::string{kHeader} + "FWM  0000002A nq \n");
  FakeNetlink kernel;
  kernel.answer({test::datagram({test::done()})});  // no families at all
  ServerReader reader{kernel.transport(), proc.path()};
  EXPECT_THAT(reader.read(), fails_with(ErrorKind::unavailable, HasSubstr("firewall marks")));
}

TEST(ServerReader, RefusesABrokenFile) {
  for (const std::string_view text :
       {std::string_view{}, std::string_view{"Prot\n"}, std::string_view{"TCP  0A600001:01BB\n"}}) {
    FileTree proc;
    proc.file("net/ip_vs", text);
    const FakeNetlink kernel;
    ServerReader reader{kernel.transport(), proc.path()};
    EXPECT_THAT(reader.read(), fails_with(ErrorKind::malformed, HasSubstr("")));
    EXPECT_EQ(kernel.times_opened(), 0);
  }
}

}  // namespace
}  // namespace kubecliff::ipvs
