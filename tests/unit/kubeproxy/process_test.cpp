#include "collectors/kubeproxy/process.h"

#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/file_tree.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::kubeproxy {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

TEST(IsKubeProxy, TellsItByItsFirstArgument) {
  for (const std::string_view cmdline :
       {"kube-proxy\0"sv, "/usr/local/bin/kube-proxy\0--config=/x\0"sv, "./kube-proxy"sv,
        "/hyperkube\0proxy\0--v=2\0"sv, "hyperkube\0kube-proxy\0"sv}) {
    EXPECT_TRUE(is_kube_proxy(cmdline)) << cmdline;
  }
  for (const std::string_view cmdline :
       {""sv, "\0"sv, "/"sv, "sh\0-c\0kube-proxy\0"sv, "/go-runner\0/usr/bin/kube-proxy\0"sv,
        "hyperkube\0kubelet\0"sv, "hyperkube"sv, "/kube-proxy/run\0"sv, "grep\0kube-proxy\0"sv}) {
    EXPECT_FALSE(is_kube_proxy(cmdline)) << cmdline;
  }
}

class KubeProxyProcessTest : public ::testing::Test {
 protected:
  // `start` and CPU in hundredths of a second.
  void process(const std::string& pid, const std::string& name, const std::string& cmdline,
               int start, int cpu = 100, const std::string& state = "S") {
    proc_.file(pid + "/comm", name + "\n");
    proc_.file(pid + "/cmdline", cmdline);
    proc_.file(pid + "/stat", pid + " (" + name + ") " + state + " 1 1 1 0 -1 0 0 0 0 0 " +
                                  std::to_string(cpu) + " 0 0 0 20 0 9 0 " + std::to_string(start) +
                                  " 5 10 0\n");
  }

  std::optional<KubeProxyProcess::Usage> look(std::chrono::seconds at) {
    const auto usage = process_.look(Clock::time_point{at});
    EXPECT_THAT(usage, test::has_value());
    return usage.value_or(std::nullopt);
  }

  test::FileTree proc_;
  KubeProxyProcess process_{proc_.path()};
};

TEST_F(KubeProxyProcessTest, FindsTheOldestAmongOthers) {
  process("1", "init", "/sbin/init", 1);
  process("20", "kube-proxy", "/usr/local/bin/kube-proxy", 700, 250);
  process("21", "kube-proxy", "kube-proxy", 800);
  process("22", "kube-proxy", "sh", 100);
  proc_.file("self/comm", "kube-proxy\n");
  const auto usage = look(1s);
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->start, 7s);
  EXPECT_EQ(usage->cpu, 2500ms);
  EXPECT_EQ(process_.restarts(), 0U);
}

TEST_F(KubeProxyProcessTest, FollowsItOverARestart) {
  process("20", "kube-proxy", "kube-proxy", 700);
  EXPECT_TRUE(look(1s));
  process("20", "kube-proxy", "", 700, 100, "X");
  EXPECT_FALSE(look(2s));
  process("30", "kube-proxy", "kube-proxy", 900);
  const auto usage = look(3s);
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->start, 9s);
  EXPECT_EQ(process_.restarts(), 1U);
}

TEST_F(KubeProxyProcessTest, NumberThatIsUsedAgainIsAnotherProcess) {
  process("20", "kube-proxy", "kube-proxy", 700);
  EXPECT_TRUE(look(1s));
  process("20", "kube-proxy", "kube-proxy", 900);
  EXPECT_EQ(look(2s)->start, 9s);
  EXPECT_EQ(process_.restarts(), 1U);
  process("20", "bash", "bash", 1000);
  EXPECT_FALSE(look(3s));
}

TEST_F(KubeProxyProcessTest, OneThatIsOverIsGone) {
  process("20", "kube-proxy", "kube-proxy", 700);
  EXPECT_TRUE(look(1s));
  process("20", "kube-proxy", "", 700, 100, "Z");
  EXPECT_FALSE(look(2s));
}

TEST_F(KubeProxyProcessTest, OneThatCouldNotBeReadForOnceIsStillTheSame) {
  process("20", "kube-proxy", "kube-proxy", 700);
  EXPECT_TRUE(look(1s));
  proc_.file("20/stat", "");
  EXPECT_FALSE(look(2s));
  process("20", "kube-proxy", "kube-proxy", 700);
  EXPECT_TRUE(look(3s));
  EXPECT_EQ(process_.restarts(), 0U);
}

TEST_F(KubeProxyProcessTest, SearchesAtOnceWhereItIsTold) {
  EXPECT_FALSE(look(1s));
  process("20", "kube-proxy", "kube-proxy", 700);
  process_.search_soon();
  EXPECT_TRUE(look(2s));
}

TEST_F(KubeProxyProcessTest, SearchesSeldomWhereThereIsNone) {
  EXPECT_FALSE(look(1s));
  process("20", "kube-proxy", "kube-proxy", 700);
  EXPECT_FALSE(look(30s));
  EXPECT_TRUE(look(31s));
}

TEST_F(KubeProxyProcessTest, MissingProcIsAnError) {
  KubeProxyProcess process{proc_.path() / "nowhere"};
  EXPECT_FALSE(process.look(Clock::time_point{1s}));
}

}  // namespace
}  // namespace kubecliff::kubeproxy
