#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/if_addr.h>
#include <linux/ip_vs.h>
#include <linux/rtnetlink.h>
#include <malloc.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/ipvs/decode_netlink.h"
#include "collectors/ipvs/ipvs.h"
#include "collectors/kernel/generic_netlink.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/kernel/unique_fd.h"
#include "tests/bench/bare_kernel.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/bench/timed_collector.h"
#include "tests/bench/workload.h"
#include "tests/support/text.h"

namespace kubecliff::bench {
namespace {

using test::append;
using test::concat;

constexpr int kRealServers = 5;

void run(const std::vector<std::string>& argv, std::string_view input = {}) {
  const test::ToolRun run = must(test::run_tool(argv, input, std::chrono::minutes{10}));
  if (run.exit_status != 0) {
    throw std::runtime_error{argv.front() + ": " + run.err.substr(0, 500)};
  }
}

std::string service_ip(int number) {
  return concat("10.96.", number / 250, ".", number % 250 + 1);
}

// Virtual servers as kube-proxy makes them, each with its address on kube-ipvs0.
void load_servers(int count) {
  tell("loading " + size_text(count, kRealServers) + " virtual servers");
  run({"modprobe", "ip_vs"});
  std::string servers;
  std::string addresses;
  for (int number = 0; number < count; ++number) {
    const std::string ip = service_ip(number);
    append(servers, "-A -t ", ip, ":80 -s rr\n");
    for (int i = 0; i < kRealServers; ++i) {
      append(servers, "-a -t ", ip, ":80 -r 10.", 200 + i, ".", number / 250, ".", number % 250 + 1,
             ":8080 -m\n");
    }
    append(addresses, "addr add ", ip, "/32 dev kube-ipvs0\n");
  }
  run({"ipvsadm", "-R"}, servers);
  run({"ip", "link", "add", "kube-ipvs0", "type", "dummy"});
  run({"ip", "-batch", "-"}, addresses);
}

void read_bare_text() {
  const UniqueFd file{::open("/proc/net/ip_vs", O_RDONLY | O_CLOEXEC)};
  static std::vector<char> buffer(std::size_t{64} * 1024);
  ssize_t count = 0;
  do {
    count = ::read(file.get(), buffer.data(), buffer.size());
  } while (count > 0);
  if (count < 0) {
    throw std::runtime_error{"/proc/net/ip_vs cannot be read"};
  }
}

// What generic netlink takes for the same: a dump of all virtual servers, and one for each of them.
void dump_netlink(BareNetlink& netlink, std::uint16_t protocol) {
  std::vector<ipvs::ServerKey> keys;
  netlink::Request servers = netlink::Request::generic(protocol, IPVS_CMD_GET_SERVICE, NLM_F_DUMP);
  netlink.dump(servers, [&](const netlink::Message& message) {
    keys.push_back(ipvs::decode_virtual_server(message).value().key);
  });
  netlink::Request real_servers =
      netlink::Request::generic(protocol, IPVS_CMD_GET_DEST, NLM_F_DUMP);
  for (const ipvs::ServerKey& key : keys) {
    real_servers.clear_attributes();
    ipvs::put_key(real_servers, key);
    netlink.dump(real_servers, [](const netlink::Message&) {});
  }
}

void dump_addresses(BareNetlink& netlink) {
  const ifaddrmsg header{};
  netlink::Request question =
      netlink::Request::plain(RTM_GETADDR, NLM_F_DUMP, std::as_bytes(std::span{&header, 1}));
  netlink.dump(question, [](const netlink::Message&) {});
}

}  // namespace

void bench_ipvs(const Plan& plan, Table& table) {
  const int count = plan.of(10'000, 2'000);
  load_servers(count);
  netlink::Socket generic{netlink::kernel_transport(NETLINK_GENERIC)};
  const std::uint16_t protocol = must(netlink::find_generic_family(generic, IPVS_GENL_NAME));
  BareNetlink bare_generic{NETLINK_GENERIC};
  BareNetlink bare_route{NETLINK_ROUTE};
  TimedCollector collector{ipvs::spec()};

  tell("refresh, IPVS");
  const auto [ours, text, netlink, addresses, ipvsadm] = in_turns<5>(
      plan.of(9, 3), [] { ::malloc_trim(0); },
      {[&] {
         const TimedRefresh refresh = collector.refresh();
         if (collector.value("kubecliff_ipvs_virtual_servers", {"ipv4", "tcp", "rr"}) != count) {
           throw std::runtime_error{"the ipvs collector counts wrongly"};
         }
         return refresh.cpu;
       },
       [] { return cpu_of(read_bare_text); },
       [&] { return cpu_of([&] { dump_netlink(bare_generic, protocol); }); },
       [&] { return cpu_of([&] { dump_addresses(bare_route); }); },
       [] { return must(test::run_tool({"ipvsadm", "-Ln"})).cpu; }});

  const std::string size = size_text(count, kRealServers);
  const nanoseconds bare = text.median() + addresses.median();
  const double to_bare = ratio(ours.median(), bare);
  table.add({.figure = "CPU of a refresh, IPVS, " + size + " and their addresses",
             .measured = ours.text(),
             .reference =
                 "bare read of /proc/net/ip_vs and bare dump of addresses: " + duration_text(bare),
             .ratio = to_bare,
             .target = at_most_times(1.3, to_bare)});
  table.add({.figure = "  the same",
             .measured = ours.text(),
             .reference = "ipvsadm -Ln: " + ipvsadm.text(),
             .ratio = ratio(ours, ipvsadm),
             .target = at_most(1, ratio(ours, ipvsadm), "less")});
  table.add({.figure = "CPU of bare interfaces, " + size + ": /proc/net/ip_vs",
             .measured = text.text(),
             .reference = "generic netlink: " + netlink.text(),
             .ratio = ratio(text, netlink)});
}

}  // namespace kubecliff::bench
