// The conntrack collectors, called as their threads in the product call them.
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>
#include <stdexcept>
#include <thread>

#include "collectors/conntrack/conntrack.h"
#include "collectors/kernel/procfs.h"
#include "collectors/kernel/unique_fd.h"
#include "tests/bench/bare_kernel.h"
#include "tests/bench/bench.h"
#include "tests/bench/timed_collector.h"
#include "tests/bench/workload.h"

namespace kubecliff::bench {
namespace {

constexpr std::uint64_t kFlows = 250'000;
constexpr std::uint16_t kPort = 7'777;

// Flows are UDP datagrams from one socket to as many addresses of 127.0.0.0/8, all to one socket
// that never reads them. They stay for ten minutes.
void make_flows(std::uint64_t flows) {
  must(test::nft({"-f", "-"},
                 "table inet bench { chain track { type filter hook output priority 0; "
                 "ct state new accept; }; }"));
  std::ofstream{"/proc/sys/net/netfilter/nf_conntrack_udp_timeout"} << 600;

  const UniqueFd sink{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const UniqueFd source{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(sink.get(), generic, sizeof(address)) != 0) {
    throw std::runtime_error{"cannot bind a socket"};
  }
  for (std::uint32_t i = 0; i < flows; ++i) {
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + i);
    if (::sendto(source.get(), "", 1, MSG_NOSIGNAL, generic, sizeof(address)) < 0) {
      throw std::runtime_error{"cannot send a datagram"};
    }
  }
}

// The limit is the machine's; nothing of it is changed here.
std::uint64_t flows_that_fit() {
  const std::uint64_t limit = must(read_number("/proc/sys/net/netfilter/nf_conntrack_max"));
  return std::min(kFlows, limit / 20 * 19);
}

void bench_in_scrape(const Plan& plan, Table& table) {
  tell("conntrack inside a scrape");
  TimedCollector collector{conntrack::spec()};
  Spread spread;
  for (int i = 0; i < plan.of(600, 150); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
    spread.add(collector.refresh().cpu);
  }
  table.add({.figure = "CPU of reading conntrack inside a scrape", .measured = spread.text()});
}

void bench_flows(const Plan& plan, std::uint64_t flows, Table& table) {
  tell("dump of " + count_text(flows) + " flows");
  TimedCollector collector{conntrack::flows_spec()};
  BareNetlink netlink;
  const auto [ours, bare] =
      in_turns<2>(plan.of(11, 5), [] {},
                  {[&] {
                     const TimedRefresh refresh = collector.refresh(std::chrono::minutes{1});
                     if (collector.value("kubecliff_conntrack_flows", {"udp", "unreplied"}) <
                         0.99 * static_cast<double>(flows)) {
                       throw std::runtime_error{"not all flows were counted"};
                     }
                     return refresh.cpu;
                   },
                   [&] {
                     return cpu_of([&] {
                       if (netlink.dump_flows() < flows / 100 * 99) {
                         throw std::runtime_error{"not all flows are there"};
                       }
                     });
                   }});
  table.add({.figure = "CPU of counting " + count_text(flows) + " flows by state",
             .measured = ours.text(),
             .reference = "bare ctnetlink dump: " + bare.text(),
             .ratio = ratio(ours, bare)});
}

}  // namespace

void bench_conntrack(const Plan& plan, Table& table) {
  const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
  const std::uint64_t flows = flows_that_fit();
  make_flows(flows);
  bench_in_scrape(plan, table);
  bench_flows(plan, flows, table);
}

}  // namespace kubecliff::bench
