// What comes from /proc; the sockets themselves are for tests/integration/sockets.
#include "collectors/sockets/sockets.h"

#include <unistd.h>

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/file_tree.h"
#include "tests/support/served_collector.h"

namespace kubecliff::sockets {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

class SocketsTest : public testing::Test {
 protected:
  void write(std::string_view path, std::string_view text) { proc_.file(path, text); }
  test::ServedCollector collector() {
    CollectorContext context;
    context.procfs = proc_.path();
    return {spec(), "kubecliff_sockets", context};
  }

 private:
  test::FileTree proc_;
};

TEST_F(SocketsTest, ServesMemoryInBytes) {
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  write("net/sockstat", "sockets: used 261\nTCP: inuse 38 orphan 1 tw 24 alloc 52 mem 7\n");
  write("sys/net/ipv4/tcp_mem", "287901\t383868\t575802\n");
  test::ServedCollector served = collector();
  served.refresh();
  EXPECT_THAT(served.misses(), IsEmpty());
  const auto& figures = served.figures();
  EXPECT_EQ(figures.at("_allocated"), 52);
  EXPECT_EQ(figures.at("_memory_bytes"), 7 * page);
  EXPECT_EQ(figures.at("_memory_limit_bytes"), 575'802 * page);
  EXPECT_EQ(figures.at("_orphaned"), 1);
  EXPECT_EQ(figures.at("_time_wait"), 24);
}

TEST_F(SocketsTest, WithoutSockstatSaysWhichFileIsMissing) {
  test::ServedCollector served = collector();
  served.refresh();
  EXPECT_THAT(served.misses(), ElementsAre(Field(&Error::message, HasSubstr("net/sockstat"))));
  EXPECT_FALSE(served.figures().contains("_orphaned"));
}

}  // namespace
}  // namespace kubecliff::sockets
