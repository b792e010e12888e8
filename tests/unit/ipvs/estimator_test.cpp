#include "collectors/ipvs/estimator.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/file_tree.h"
#include "tests/support/text.h"

namespace kubecliff::ipvs {
namespace {

using test::FileTree;

using namespace std::chrono_literals;

TEST(CountProcessors, TakesTheKernelsLists) {
  EXPECT_EQ(count_processors("0\n"), 1U);
  EXPECT_EQ(count_processors("0-3,8,10-11\n"), 7U);
  EXPECT_EQ(count_processors("\n"), 0U);
  for (const std::string_view broken : {"x", "3-1", "1-", "-1", "1,,2", "0-99999999999"}) {
    EXPECT_EQ(count_processors(broken), std::nullopt) << broken;
  }
}

// Kernel threads as /proc shows them, with so many ticks of CPU time.
void thread(FileTree& proc, int pid, const std::string& name, int ticks) {
  proc.file(test::concat(pid, "/comm"), name + "\n");
  proc.file(test::concat(pid, "/stat"),
            test::concat(pid, " (", name, ") S 2 0 0 0 -1 2129984 0 0 0 0 0 ", ticks,
                         " 0 0 20 0 1 0 50 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 0 0 "
                         "0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"));
}

TEST(EstimatorThreads, AddsUpThoseThatAreAndThoseThatWere) {
  FileTree proc;
  thread(proc, 40, "kworker/0:1", 900);
  EstimatorThreads threads{proc.path()};
  Clock::time_point now{};
  EXPECT_EQ(threads.cpu(now), std::nullopt);

  thread(proc, 41, "ipvs-e:0:0", 100);
  thread(proc, 42, "ipvs-e:0:1", 50);
  EXPECT_EQ(threads.cpu(now + 59s), std::nullopt) << "it looks once a minute";
  now += 60s;
  EXPECT_EQ(threads.cpu(now), 1500ms);

  thread(proc, 41, "ipvs-e:0:0", 150);
  proc.remove("42");
  now += 60s;
  EXPECT_EQ(threads.cpu(now), 2s);

  // One that could not be read for once has not begun anew.
  proc.remove("41/stat");
  now += 60s;
  EXPECT_EQ(threads.cpu(now), 2s);
  thread(proc, 41, "ipvs-e:0:0", 150);
  now += 60s;
  EXPECT_EQ(threads.cpu(now), 2s);

  // Another thread of the same number.
  thread(proc, 41, "ipvs-e:0:0", 10);
  now += 60s;
  EXPECT_EQ(threads.cpu(now), 2100ms);
}

}  // namespace
}  // namespace kubecliff::ipvs
