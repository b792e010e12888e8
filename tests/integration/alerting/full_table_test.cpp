// An alert that the connection tracking table is full goes out while it is: over the connection
// that stood before.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/unique_fd.h"
#include "exporter/alerting/delivery/notifier.h"
#include "tests/support/conntrack_limit.h"
#include "tests/support/figures.h"
#include "tests/support/http_stand_in.h"
#include "tests/support/must.h"
#include "tests/support/network_namespace.h"
#include "tests/support/run_tool.h"

namespace kubecliff::delivery {
namespace {

using namespace std::chrono_literals;
using test::HttpStandIn;
using test::must;
using test::must_run;

constexpr const char* kNode = "192.0.2.1";
constexpr const char* kReceiver = "192.0.2.2";
constexpr int kFlows = 150;

std::optional<UniqueFd> connect_within(const std::string& address, std::uint16_t port,
                                       std::chrono::milliseconds limit) {
  UniqueFd made{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  sockaddr_in at{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  ::inet_pton(AF_INET, address.c_str(), &at.sin_addr);
  if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0) {
    return made;
  }
  if (errno != EINPROGRESS) {
    return std::nullopt;
  }
  pollfd writable{.fd = made.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&writable, 1, static_cast<int>(limit.count())) <= 0) {
    return std::nullopt;
  }
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(made.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? std::optional{std::move(made)} : std::nullopt;
}

// This thread is a node that tracks connections; the receiver is on another, one hop away.
class FullTable : public test::NetworkNamespaceTest {
 protected:
  void SetUp() override {
    NetworkNamespaceTest::SetUp();
    if (IsSkipped() || HasFailure()) {
      return;
    }
    const UniqueFd node{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
    {
      const auto elsewhere = must(test::NetworkNamespace::enter());
      must_run({"ip", "link", "add", "receiver", "type", "veth", "peer", "name", "node", "netns",
                "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(node.get())});
      must_run({"ip", "address", "add", std::string{kReceiver} + "/24", "dev", "receiver"});
      must_run({"ip", "link", "set", "receiver", "up"});
      receiver_ = std::make_unique<HttpStandIn>(HttpStandIn::Scheme::http, kReceiver);
    }
    must_run({"ip", "address", "add", std::string{kNode} + "/24", "dev", "node"});
    must_run({"ip", "link", "set", "node", "up"});
    // What asks for the state of connections has them tracked.
    must(test::nft({"-f", "-"},
                   "table inet tracking {\n"
                   "  chain output {\n"
                   "    type filter hook output priority 0;\n"
                   "    ct state new counter\n"
                   "  }\n"
                   "}\n"));
  }

  [[nodiscard]] std::optional<UniqueFd> connect() const {
    return connect_within(kReceiver, receiver_->port(), 1'500ms);
  }

  // With established connections, none of which the kernel gives up for a new one.
  void fill() {
    for (int i = 0; i < kFlows; ++i) {
      auto made = connect();
      ASSERT_TRUE(made);
      flows_.push_back(std::move(*made));
    }
    const std::string count = must(test::conntrack({"-C"})).out;
    ASSERT_TRUE(limit_.lower_to(std::stoull(count)));
    // In place of flows that were counted and have ended since.
    while (auto made = connect_within(kReceiver, receiver_->port(), 300ms)) {
      flows_.push_back(std::move(*made));
    }
  }

  test::LoweredLimit limit_;  // before the namespace is entered
  std::unique_ptr<HttpStandIn> receiver_;
  std::vector<UniqueFd> flows_;
};

TEST_F(FullTable, LetsTheAlertOutThatSaysSo) {
  StateFile state{{}};
  DeliveryConfig config;
  config.alertmanagers.push_back({.url = receiver_->url()});
  const auto notifier =
      must(Notifier::start(config, state, {.open_within = 0ms, .open_again_within = 0ms}));
  ASSERT_EQ(receiver_->requests(1).size(), 1U) << "the connection is opened beforehand";

  fill();
  if (HasFatalFailure()) {
    return;
  }
  ASSERT_FALSE(connect()) << "a new connection must fail";
  const auto began = Clock::now();
  notifier->update({{.severity = Severity::critical,
                     .labels = {{"alertname", "KubecliffConntrackUse"}, {"severity", "critical"}},
                     .annotations = {},
                     .began = WallClock::now()}});
  const auto posts = receiver_->posts(1, 10s);
  const auto took = Clock::now() - began;
  ASSERT_EQ(posts.size(), 1U);
  EXPECT_EQ(posts[0].connection, 1U) << "the one that stood before";
  EXPECT_THAT(posts[0].body, testing::HasSubstr("KubecliffConntrackUse"));
  EXPECT_LT(took, 2s);
  RecordProperty("milliseconds", static_cast<int>(took / 1ms));
  EXPECT_FALSE(connect()) << "it is full still";
}

TEST_F(FullTable, KeepsAnAlertInWhereNoConnectionStands) {
  fill();
  if (HasFatalFailure()) {
    return;
  }
  StateFile state{{}};
  DeliveryConfig config;
  config.alertmanagers.push_back({.url = receiver_->url(), .timeout = 1s});
  const auto notifier = must(Notifier::start(config, state));
  notifier->update({{.severity = Severity::critical,
                     .labels = {{"alertname", "KubecliffConntrackUse"}},
                     .annotations = {},
                     .began = WallClock::now()}});
  EXPECT_TRUE(receiver_->posts(1, 3s).empty());
  flows_.clear();
  ASSERT_TRUE(limit_.lower_to(10'000));
  EXPECT_EQ(receiver_->posts(1).size(), 1U) << "and lets it out when there is room again";
}

}  // namespace
}  // namespace kubecliff::delivery
