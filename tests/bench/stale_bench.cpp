// The collector of flows beside a ruleset: whether each flow's backend is an endpoint still.
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>

#include "collectors/conntrack/conntrack.h"
#include "collectors/iptables/iptables.h"
#include "collectors/kernel/procfs.h"
#include "collectors/kernel/unique_fd.h"
#include "tests/bench/bare_kernel.h"
#include "tests/bench/bench.h"
#include "tests/bench/timed_collector.h"
#include "tests/bench/workload.h"
#include "tests/support/service_keys.h"

namespace kubecliff::bench {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr int kServices = 10'000;
constexpr int kEndpoints = 5;
constexpr int kFlowsOfService = 25;

test::RulesetShape shape_of(int endpoints) {
  test::RulesetShape shape = test::plain(kServices, endpoints);
  shape.udp_one_in = 1;
  return shape;
}

UniqueFd udp_socket(std::uint16_t port) {
  UniqueFd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error{"cannot bind a socket"};
  }
  return socket;
}

// Datagrams from a few sockets to every Service; the ruleset sends each to one of its endpoints,
// all of which are this node, where one socket takes them and never reads.
std::size_t make_flows() {
  test::must_run({"ip", "route", "add", "10.96.0.0/12", "dev", "lo"});
  test::must_run({"ip", "route", "add", "local", "100.64.0.0/10", "dev", "lo"});
  std::ofstream{"/proc/sys/net/netfilter/nf_conntrack_udp_timeout"} << 600;

  // The limit is the machine's; nothing of it is changed here.
  const auto limit = must(read_number("/proc/sys/net/netfilter/nf_conntrack_max"));
  const UniqueFd sink = udp_socket(test::kEndpointPort);
  const test::Ruleset ruleset{shape_of(kEndpoints)};
  std::size_t flows = 0;
  for (int i = 0; i < kFlowsOfService; ++i) {
    const UniqueFd source = udp_socket(0);
    for (const test::Service& service : ruleset.services()) {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(80);
      const auto bytes = test::address_bytes(test::cluster_ip(service, Family::ipv4));
      std::memcpy(&address.sin_addr, bytes.data(), bytes.size());
      if (++flows > limit / 20 * 19) {
        return flows - 1;
      }
      if (::sendto(source.get(), "", 1, MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                   sizeof(address)) < 0) {
        throw std::runtime_error{"cannot send a datagram"};
      }
    }
  }
  return flows;
}

// What a dump and the judgement of what it found cost. One flow in so many has to come out as
// stale; none where that is 0.
void bench_share(const Plan& plan, const std::string& figure, std::size_t flows, std::size_t one_in,
                 Table& table) {
  const CollectorContext shared;
  TimedCollector iptables{iptables::spec(), shared};
  TimedCollector collector{conntrack::flows_spec(), shared};
  BareNetlink netlink;
  iptables.refresh();
  const auto [ours, bare] = in_turns<2>(
      plan.of(11, 5), [] {},
      {[&] {
         nanoseconds cpu = collector.refresh(minutes{1}).cpu;
         iptables.refresh(minutes{1});
         cpu += collector.refresh(seconds{5}).cpu;
         const double stale = collector.value("kubecliff_conntrack_stale_flows", {"udp"});
         const double expected =
             one_in == 0 ? 0 : static_cast<double>(flows) / static_cast<double>(one_in);
         if (stale < 0.9 * expected || stale > 1.1 * expected) {
           throw std::runtime_error{"found " + std::to_string(stale) + " stale flows"};
         }
         return cpu;
       },
       [&] {
         return cpu_of([&] {
           if (netlink.dump_flows() < flows / 100 * 99) {
             throw std::runtime_error{"not all flows are there"};
           }
         });
       }});
  table.add({.figure = figure,
             .measured = ours.text(),
             .reference = "bare ctnetlink dump: " + bare.text(),
             .ratio = ratio(ours, bare),
             .target = one_in == 0 ? std::optional{at_most_times(1.3, ratio(ours, bare))}
                                   : std::nullopt});
}

}  // namespace

void bench_stale(const Plan& plan, Table& table) {
  const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
  load(Backend::legacy, shape_of(kEndpoints));
  tell("making flows");
  const std::size_t flows = make_flows();
  const std::string figure = "CPU of finding stale flows among " + count_text(flows) + ", " +
                             count_text(kServices * kEndpoints) + " endpoints";
  tell("stale flows: none");
  bench_share(plan, figure, flows, 0, table);
  load(Backend::legacy, shape_of(kEndpoints - 1));
  tell("stale flows: every fifth");
  bench_share(plan, figure + ", every fifth is gone", flows, kEndpoints, table);
}

}  // namespace kubecliff::bench
