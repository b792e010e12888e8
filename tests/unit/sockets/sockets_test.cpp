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
using testing::Pair;

class SocketsTest : public testing::Test {
 protected:
  void write(std::string_view path, std::string_view text) { proc_.file(path, text); }
  test::ServedCollector collector() {
    CollectorContext context;
    context.procfs = proc_.path();
    return {spec(), "kubecliff_sockets_", context};
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
  EXPECT_THAT(served.figures(), ElementsAre(Pair("allocated", 52), Pair("memory_bytes", 7 * page),
                                            Pair("memory_limit_bytes", 575'802 * page),
                                            Pair("orphaned", 1), Pair("time_wait", 24)));
}

TEST_F(SocketsTest, WithoutSockstatSaysWhichFileIsMissing) {
  test::ServedCollector served = collector();
  served.refresh();
  EXPECT_THAT(served.misses(), ElementsAre(Field(&Error::message, HasSubstr("net/sockstat"))));
  EXPECT_THAT(served.figures(), IsEmpty());
}

}  // namespace
}  // namespace kubecliff::sockets
