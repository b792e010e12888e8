// The sockets collector against the real kernel, judged by `ss` on the same state.
#include "collectors/sockets/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/unique_fd.h"
#include "tests/support/figures.h"
#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"
#include "tests/support/run_tool.h"
#include "tests/support/served_collector.h"
#include "tests/support/text.h"

namespace kubecliff::sockets {
namespace {

using test::concat;
using test::Figures;
using test::has_value;
using testing::ContainerEq;
using testing::IsEmpty;

// What `ss -tan` lists, counted by state and named as it is served.
Figures listed_states() {
  const auto run = test::run_tool({"ss", "-tanH"});
  EXPECT_THAT(run, has_value());
  static const std::map<std::string, std::string, std::less<>> unlike{{"ESTAB", "established"},
                                                                      {"UNCONN", "closed"}};
  Figures counts;
  std::istringstream lines{run ? run->out : std::string{}};
  for (std::string line; std::getline(lines, line);) {
    std::string state = line.substr(0, line.find(' '));
    if (const auto other = unlike.find(state); other != unlike.end()) {
      state = other->second;
    }
    std::ranges::transform(state, state.begin(), [](unsigned char c) {
      return c == '-' ? '_' : static_cast<char>(std::tolower(c));
    });
    // "FIN-WAIT-1" is fin_wait1.
    if (state.starts_with("fin_wait_")) {
      state.erase(state.size() - 2, 1);
    }
    counts[concat("{tcp,", state, "}")] += 1;
  }
  return counts;
}

class SocketsTest : public test::NetworkNamespaceTest {
 protected:
  void SetUp() override {
    NetworkNamespaceTest::SetUp();
    rlimit files{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  }

  static UniqueFd open(int flags = 0) {
    return UniqueFd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)};
  }
  static sockaddr_in at(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static int connect(const UniqueFd& socket, std::uint16_t port) {
    const sockaddr_in address = at(port);
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }

  // The collector's figures, those of states that nobody is in left out.
  Figures served() {
    collector_.refresh();
    EXPECT_THAT(collector_.misses(), IsEmpty());
    Figures states;
    for (const auto& [name, value] : collector_.figures()) {
      if (name.starts_with('{') && value > 0) {
        states.emplace(name, value);
      }
    }
    return states;
  }
  [[nodiscard]] double at(std::string_view figure) const {
    return collector_.figures().at(std::string{figure});
  }

 private:
  test::ServedCollector collector_{spec(), "kubecliff_sockets"};
};

TEST_F(SocketsTest, CountsAsSsDoes) {
  constexpr std::size_t kConnections = 10'000;  // two sockets each
  const UniqueFd listener = open();
  const sockaddr_in address = at(std::uint16_t{8'080});
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            0);
  const UniqueFd ipv6_listener{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::listen(ipv6_listener.get(), 1), 0);
  // Connections that nobody accepts are sockets too, and take no descriptor.
  std::ofstream{"/proc/sys/net/core/somaxconn"} << kConnections;
  ASSERT_EQ(::listen(listener.get(), kConnections), 0);
  std::vector<UniqueFd> clients;
  for (std::size_t i = 0; i < kConnections; ++i) {
    clients.push_back(open());
    ASSERT_EQ(connect(clients.back(), 8'080), 0);
  }
  // Bound, and nothing else: not one of TCP's states.
  const UniqueFd bound = open();
  const sockaddr_in own = at(std::uint16_t{8'081});
  ASSERT_EQ(::bind(bound.get(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)), 0);
  const Figures expected{{"{tcp,established}", 2 * kConnections}, {"{tcp,listen}", 2}};
  // First, because it loads modules where that takes any.
  EXPECT_THAT(listed_states(), ContainerEq(expected));
  EXPECT_THAT(served(), ContainerEq(expected));

  // Half closed, closed by the client first, and never answered.
  std::vector<UniqueFd> servers;
  for (std::size_t i = 0; i < 200; ++i) {
    ASSERT_EQ(::shutdown(clients[i].get(), SHUT_WR), 0);
  }
  for (std::size_t i = 200; i < 700; ++i) {
    clients[i].reset();
  }
  for (std::size_t i = 0; i < 700; ++i) {
    UniqueFd server{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (i < 200) {
      servers.push_back(std::move(server));
    }
  }
  ASSERT_THAT(test::nft({"-f", "-"},
                        "add table ip t\n"
                        "add chain ip t in { type filter hook input priority 0; }\n"
                        "add rule ip t in tcp dport 9 drop\n"),
              has_value());
  std::vector<UniqueFd> waiting;
  for (int i = 0; i < 30; ++i) {
    waiting.push_back(open(SOCK_NONBLOCK));
    ASSERT_EQ(connect(waiting.back(), 9), -1);
  }
  const Figures states = served();
  EXPECT_THAT(states, ContainerEq(listed_states()));

  EXPECT_EQ(states.at("{tcp,syn_sent}"), 30);
  EXPECT_EQ(states.at("{tcp,time_wait}"), 500);
  EXPECT_EQ(states.at("{tcp,fin_wait2}"), 200);
  EXPECT_EQ(states.at("{tcp,close_wait}"), 200);

  // "TCP:   20012 (estab 18600, closed 500, orphaned 0, timewait 500)"
  const auto summary = test::run_tool({"ss", "-s"});
  ASSERT_THAT(summary, has_value());
  const auto after = [&](std::string_view word) {
    return std::stod(summary->out.substr(summary->out.find(word) + word.size()));
  };
  EXPECT_EQ(at("_orphaned"), after("orphaned "));
  EXPECT_EQ(at("_time_wait"), after("timewait "));
  EXPECT_GT(at("_allocated"), 2.0 * (kConnections - 700));
}

// In an emulated kernel: they build on one another, from one without modules.
class SocketsModules : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("KUBECLIFF_EMULATED_KERNEL") == nullptr) {  // NOLINT(concurrency-mt-unsafe)
      test::skip("loads modules: tests/support/emulated_kernel runs it");
    }
  }
};

bool is_state(const std::pair<const std::string, double>& figure) {
  return figure.first.starts_with("{tcp,");
}

TEST_F(SocketsModules, AreNotLoadedByLooking) {
  test::ServedCollector served{spec(), "kubecliff_sockets"};
  served.refresh();
  EXPECT_THAT(served.misses(), IsEmpty());
  EXPECT_THAT(served.figures(), testing::Not(testing::Contains(testing::Truly(is_state))));
  EXPECT_THAT(served.figures(), testing::Contains(testing::Key("_orphaned")));
  EXPECT_FALSE(module_loaded("inet_diag"));
  EXPECT_FALSE(module_loaded("tcp_diag"));
}

TEST_F(SocketsModules, AreUsedOnceSomebodyHasLoadedThem) {
  test::ServedCollector served{spec(), "kubecliff_sockets"};
  served.refresh();
  const UniqueFd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_EQ(listed_states().at("{tcp,listen}"), 1);
  served.refresh();
  EXPECT_EQ(served.figures().at("{tcp,listen}"), 1);
}

}  // namespace
}  // namespace kubecliff::sockets
