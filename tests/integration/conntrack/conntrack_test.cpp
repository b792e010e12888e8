// The conntrack collectors against the real kernel, judged by conntrack(8) on the same state.
#include "collectors/conntrack/conntrack.h"

#include <linux/capability.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/conntrack/reader.h"
#include "collectors/kernel/host_network.h"
#include "collectors/kernel/procfs.h"
#include "collectors/kernel/unique_fd.h"
#include "tests/integration/conntrack/traffic.h"
#include "tests/support/conntrack_limit.h"
#include "tests/support/figures.h"
#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"
#include "tests/support/run_tool.h"

namespace kubecliff::conntrack {
namespace {

using test::Figures;
using test::has_value;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

// A collector and what its last refresh served.
class Served {
 public:
  explicit Served(const CollectorSpec& spec, std::int64_t max_flows = 500'000)
      : collector_{*spec.make({.options = Options{{{"conntrack.max-flows", max_flows}}}})} {}

  [[nodiscard]] Figures refresh() {
    Samples samples;
    // Flows are dumped once a minute.
    const Result<RefreshKind> refreshed =
        collector_->refresh(now_ += std::chrono::minutes{1}, samples);
    error_ = refreshed ? std::nullopt : std::optional{refreshed.error()};
    EXPECT_EQ(samples.dropped(), 0U);
    misses_ = samples.misses();
    return test::figures_of(samples, "kubecliff_conntrack_");
  }

  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] const std::vector<Error>& misses() const { return misses_; }

 private:
  std::unique_ptr<Collector> collector_;
  Clock::time_point now_;
  std::optional<Error> error_;
  std::vector<Error> misses_;
};

std::string must_conntrack(std::vector<std::string> arguments) {
  Result<test::ToolRun> run = test::conntrack(std::move(arguments));
  if (!run) {
    throw std::runtime_error{run.error().message};
  }
  return std::move(run->out);
}

double sysctl(std::string_view name) {
  const auto number = read_number(std::filesystem::path{"/proc/sys/net/netfilter"} / name);
  if (!number) {
    throw std::runtime_error{number.error().message};
  }
  return static_cast<double>(*number);
}

// `conntrack -S` summed over the CPUs, by our names.
Figures reference_counters() {
  Figures counters;
  std::istringstream words{must_conntrack({"-S"})};
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    std::string name = word.substr(0, equals);
    if (name == "cpu" || name == "insert") {
      continue;
    }
    if (name == "chaintoolong") {
      name = "chain_too_long";
    }
    counters[name + "_total"] += std::stod(word.substr(equals + 1));
  }
  return counters;
}

// `conntrack -L`, counted by class.
Figures reference_flows() {
  Figures flows;
  for (const char* family : {"ipv4", "ipv6"}) {
    std::istringstream lines{must_conntrack({"-L", "-f", family})};
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words{line};
      std::string protocol;
      std::string number;
      std::string timeout;
      std::string state;
      words >> protocol >> number >> timeout >> state;
      if (protocol == "tcp") {
        std::ranges::transform(state, state.begin(),
                               [](unsigned char c) { return std::tolower(c); });
      } else if (line.contains("[ASSURED]")) {
        state = "assured";
      } else {
        state = line.contains("[UNREPLIED]") ? "unreplied" : "replied";
      }
      ++flows["flows{" + (protocol == "unknown" ? "other" : protocol) + ',' + state + '}'];
    }
  }
  return flows;
}

Figures without_zeros(Figures figures) {
  std::erase_if(figures, [](const auto& figure) { return figure.second == 0; });
  return figures;
}

Figures with_suffix(const Figures& figures, std::string_view suffix) {
  Figures found;
  for (const auto& [name, value] : figures) {
    if (name.ends_with(suffix)) {
      found[name] = value;
    }
  }
  return found;
}

// A node that tracks connections.
class Conntrack : public test::NetworkNamespaceTest {
 protected:
  void SetUp() override {
    NetworkNamespaceTest::SetUp();
    if (!IsSkipped()) {
      test::switch_tracking_on();
    }
  }
};

TEST_F(Conntrack, AnEmptyTableIsServedAsEmpty) {
  const Figures conntrack = Served{spec()}.refresh();
  EXPECT_THAT(conntrack, Contains(Pair("entries", 0)));
  const Figures flows = Served{flows_spec()}.refresh();
  EXPECT_THAT(flows, Contains(Pair("flows{tcp,established}", 0)));
  EXPECT_THAT(flows, Contains(Pair("flows{udp,unreplied}", 0)));
  EXPECT_THAT(without_zeros(flows), IsEmpty());
}

TEST_F(Conntrack, SizeIsWhatConntrackAndSysctlSay) {
  test::send_udp();
  test::exchange_udp();
  const auto connection = test::connect_tcp();

  Served served{spec()};
  const Figures figures = served.refresh();
  EXPECT_FALSE(served.error());
  EXPECT_THAT(served.misses(), IsEmpty());
  EXPECT_EQ(figures.at("entries"), std::stod(must_conntrack({"-C"})));
  EXPECT_EQ(figures.at("entries"), 3);
  EXPECT_EQ(figures.at("entries_limit"), sysctl("nf_conntrack_max"));
  EXPECT_EQ(figures.at("buckets"), sysctl("nf_conntrack_buckets"));
}

TEST_F(Conntrack, FlowsAreWhatConntrackLists) {
  const auto established = test::connect_tcp();
  const auto half_closed = test::connect_tcp();
  ASSERT_EQ(::shutdown(half_closed.client.get(), SHUT_WR), 0);
  test::connect_and_close_tcp();
  const auto waiting = test::connect_tcp_to_blackhole();
  test::connect_and_reset_tcp();
  test::send_udp();
  test::exchange_udp();
  test::ping();
  int port = 1'000;
  for (const char* state : {"NONE", "SYN_RECV", "FIN_WAIT", "LAST_ACK", "LISTEN"}) {
    must_conntrack({"-I", "-p", "tcp", "--state", state, "-t", "60", "-s", "192.0.2.1", "-d",
                    "192.0.2.2", "--orig-port-src", "1", "--orig-port-dst", std::to_string(++port),
                    "-u", "SEEN_REPLY"});
  }
  must_conntrack({"-I", "-p", "udp", "-t", "60", "-s", "2001:db8::1", "-d", "2001:db8::2",
                  "--orig-port-src", "1", "--orig-port-dst", "2", "-u", "ASSURED,SEEN_REPLY"});
  must_conntrack({"-I", "-p", "gre", "-t", "60", "-s", "192.0.2.1", "-d", "192.0.2.2", "--srckey",
                  "1", "--dstkey", "2"});
  must_conntrack({"-I", "-p", "ipencap", "-t", "60", "-s", "192.0.2.1", "-d", "192.0.2.2"});

  Served served{flows_spec()};
  const Figures flows = without_zeros(served.refresh());
  EXPECT_FALSE(served.error());
  EXPECT_EQ(flows, reference_flows());
  for (const char* flow :
       {"flows{tcp,established}", "flows{tcp,close_wait}", "flows{tcp,time_wait}",
        "flows{tcp,syn_sent}", "flows{tcp,close}", "flows{udp,unreplied}", "flows{udp,replied}",
        "flows{udp,assured}", "flows{icmp,replied}", "flows{gre,unreplied}",
        "flows{other,unreplied}"}) {
    EXPECT_THAT(flows, Contains(Pair(flow, 1)));
  }
}

TEST_F(Conntrack, FlowsAreWithdrawnAboveTheirLimitAndComeBack) {
  test::send_udp();
  test::exchange_udp();
  Served served{flows_spec(), 2};
  EXPECT_THAT(served.refresh(), Contains(Pair("flows{udp,replied}", 1)));
  EXPECT_THAT(served.misses(), IsEmpty());

  const auto connection = test::connect_tcp();
  EXPECT_THAT(served.refresh(), IsEmpty());
  EXPECT_FALSE(served.error());
  ASSERT_THAT(served.misses(), ElementsAre(::testing::Field(&Error::kind, ErrorKind::unavailable)));
  const Error first = served.misses()[0];
  EXPECT_THAT(served.refresh(), IsEmpty());
  EXPECT_THAT(served.misses(), ElementsAre(first));

  must_conntrack({"-D", "-p", "tcp"});
  EXPECT_THAT(served.refresh(), Contains(Pair("flows{udp,replied}", 1)));
  EXPECT_THAT(served.misses(), IsEmpty());
}

TEST_F(Conntrack, WithoutNetAdminFiguresComeFromProcAndFlowsAreDenied) {
  test::send_udp();
  Served with{spec()};
  Served without{spec()};
  Served flows{flows_spec()};
  Figures figures;
  // Capabilities are a thread's own: this one gives up all of them.
  std::thread unprivileged{[&] {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    const std::array<__user_cap_data_struct, 2> none{};
    ASSERT_EQ(::syscall(SYS_capset, &header, none.data()), 0);
    figures = without.refresh();
    EXPECT_THAT(flows.refresh(), IsEmpty());
  }};
  unprivileged.join();

  EXPECT_FALSE(without.error());
  EXPECT_THAT(without.misses(), IsEmpty());
  EXPECT_EQ(figures, with.refresh());
  const Error error = flows.error().value_or(Error{});
  EXPECT_EQ(error.kind, ErrorKind::denied);
  EXPECT_THAT(error.message, ::testing::HasSubstr("CAP_NET_ADMIN"));
}

TEST_F(Conntrack, IsSeenToBeOutsideTheFirstNetworkNamespace) {
  const auto first = in_first_network_namespace("/proc");
  ASSERT_THAT(first, has_value());
  EXPECT_FALSE(*first);
}

class FullConntrack : public Conntrack {
 protected:
  // Before the namespace is entered.
  test::LoweredLimit limit_;
};

TEST_F(FullConntrack, DropsAndEarlyDropsMoveAndEveryCounterIsWhatConntrackSays) {
  constexpr int kLimit = 1'000;

  Served served{spec()};
  const Figures before = served.refresh();
  ASSERT_EQ(with_suffix(before, "_total"), reference_counters());

  // Flows can be evicted while they are unreplied, if the few hash buckets that the kernel looks
  // into hold one: 10,000 flows over the limit find some and miss some.
  ASSERT_TRUE(limit_.lower_to(kLimit));
  const int refused = test::send_udp_flows(kLimit + 10'000);
  const Figures full = served.refresh();
  const Figures reference = reference_counters();
  const double count = std::stod(must_conntrack({"-C"}));

  EXPECT_FALSE(served.error());
  EXPECT_EQ(full.at("entries"), count);
  EXPECT_GE(full.at("entries"), kLimit);
  EXPECT_EQ(full.at("entries_limit"), kLimit);
  EXPECT_EQ(with_suffix(full, "_total"), reference);
  EXPECT_GT(full.at("early_drop_total"), before.at("early_drop_total"));
  EXPECT_EQ(full.at("drop_total") - before.at("drop_total"), refused);
  EXPECT_GT(refused, 0);
}

TEST_F(FullConntrack, ProcSaysTheSameAsCtnetlink) {
  ASSERT_TRUE(limit_.lower_to(100));
  static_cast<void>(test::send_udp_flows(2'000));

  const netlink::TransportFactory nothing = []() -> Result<std::unique_ptr<netlink::Transport>> {
    return fail(ErrorKind::unavailable, "none here");
  };
  Reader by_ctnetlink{"/proc", Availability{"/proc"}, netlink::kernel_transport(NETLINK_NETFILTER)};
  Reader by_proc{"/proc", Availability{"/proc"}, nothing};

  const auto size = by_ctnetlink.read_size();
  ASSERT_THAT(size, has_value());
  EXPECT_EQ(*size, by_proc.read_size());
  const auto counters = by_ctnetlink.read_counters();
  ASSERT_THAT(counters, has_value());
  if (const auto read = by_proc.read_counters()) {
    EXPECT_EQ(*counters, *read);
  } else {
    test::skip("this kernel has no /proc/net/stat/nf_conntrack");
  }
}

}  // namespace
}  // namespace kubecliff::conntrack
