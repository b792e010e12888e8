// The ipvs collector and the whole program in a real kernel with IPVS, judged by ipvsadm, ipset and
// ip. The tests build on one another, from a kernel without the module to one without it again.
#include "collectors/ipvs/ipvs.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/conntrack/conntrack.h"
#include "collectors/inventory/stale_flows.h"
#include "collectors/ipvs/server_reader.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/kernel/unique_fd.h"
#include "tests/integration/program/program.h"
#include "tests/support/figures.h"
#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"
#include "tests/support/run_tool.h"
#include "tests/support/served_collector.h"
#include "tests/support/text.h"

namespace kubecliff::ipvs {
namespace {

using test::append;
using test::concat;
using test::Figures;
using test::has_value;
using test::must_run;
using testing::ContainerEq;
using testing::IsEmpty;

using namespace std::chrono_literals;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream{text};
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

// Virtual and real servers and connections, as `ipvsadm -Ln` has them. It asks by netlink, one
// virtual server after the other.
Figures listed_servers() {
  Figures listed;
  std::string protocol;
  for (const std::string& line : lines_of(must_run({"ipvsadm", "-Ln"}))) {
    std::istringstream words{line};
    std::string first;
    std::string address;
    words >> first >> address;
    const bool v6 = address.starts_with('[');
    std::string family = v6 ? "ipv6" : "ipv4";
    if (first == "->" && !address.starts_with("RemoteAddress")) {
      std::string forward;
      std::string weight;
      double active = 0;
      double inactive = 0;
      words >> forward >> weight >> active >> inactive;
      const std::string state = weight == "0" ? "draining" : "active";
      listed[concat("ipvs_real_servers{", family, ",", protocol, ",", state, "}")] += 1;
      listed[concat("ipvs_connections{", family, ",active}")] += active;
      listed[concat("ipvs_connections{", family, ",inactive}")] += inactive;
      if (weight == "0") {
        listed[concat("ipvs_draining_connections{", family, "}")] += active + inactive;
      }
    } else if (first == "TCP" || first == "UDP" || first == "SCTP" || first == "FWM") {
      const std::map<std::string, std::string> names{
          {"TCP", "tcp"}, {"UDP", "udp"}, {"SCTP", "sctp"}, {"FWM", "fwmark"}};
      protocol = names.at(first);
      std::string scheduler;
      words >> scheduler;
      if (scheduler == "IPv6") {  // of a firewall mark
        family = "ipv6";
        words >> scheduler;
      }
      listed[concat("ipvs_virtual_servers{", family, ",", protocol, ",", scheduler, "}")] += 1;
    }
  }
  return listed;
}

// The same of what is served; zeros say what a list says by having no such line.
Figures served_servers(const Figures& figures) {
  Figures servers;
  for (const auto& [name, value] : figures) {
    for (const std::string_view family : {"ipvs_virtual_servers{", "ipvs_real_servers{",
                                          "ipvs_connections{", "ipvs_draining_connections{"}) {
      if (name.starts_with(family) && value != 0) {
        servers.emplace(name, value);
      }
    }
  }
  return servers;
}

Figures without_zeros(Figures figures) {
  std::erase_if(figures, [](const auto& figure) { return figure.second == 0; });
  return figures;
}

class Served : public test::ServedCollector {
 public:
  Served() : ServedCollector{spec(), "kubecliff_"} {}

  RefreshKind refresh() {
    const RefreshKind kind = ServedCollector::refresh();
    EXPECT_THAT(misses(), IsEmpty());
    return kind;
  }
  [[nodiscard]] double at(std::string_view name) const {
    const auto found = figures().find(std::string{name});
    return found == figures().end() ? -1 : found->second;
  }
};

void expect_as_listed(const Served& served) {
  EXPECT_THAT(served_servers(served.figures()), ContainerEq(without_zeros(listed_servers())));
}

std::string service_ip(int number) {
  return concat("10.96.", number / 250, ".", number % 250 + 1);
}

// ipvsadm's commands for one virtual server and its real ones. By its number it is of one protocol,
// family and scheduler or another.
std::string add_server(int number, int real_servers) {
  constexpr std::string_view kSchedulerNames[] = {"rr", "wrr", "lc", "wlc", "sh", "mh", "sed"};
  const bool v6 = number % 4 == 1;
  const bool fwmark = number % 10 == 9;
  std::string which;
  if (fwmark) {
    which = concat("-f ", number + 1, v6 ? " -6" : "");
  } else {
    const std::string_view protocol = number % 3 == 0   ? "-t"
                                      : number % 3 == 1 ? "-u"
                                                        : "--sctp-service";
    which = concat(protocol, " ", v6 ? concat("[fd00:96::", number + 1, "]") : service_ip(number),
                   ":80");
  }
  std::string commands = concat("-A ", which, " -s ", kSchedulerNames[number % 7],
                                number % 5 == 0 ? " -p 10800" : "", "\n");
  for (int i = 0; i < real_servers; ++i) {
    append(commands, "-a ", which, " -r ",
           v6 ? concat("[fd00:", i + 1, "::", number + 1, "]")
              : concat("10.", 200 + i, ".", number / 250, ".", number % 250 + 1),
           ":8080 -m -w ", (number + i) % 6, "\n");
  }
  return commands;
}

class Ipvs : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("KUBECLIFF_EMULATED_KERNEL") == nullptr) {  // NOLINT(concurrency-mt-unsafe)
      test::skip("loads and unloads modules: tests/support/emulated_kernel runs it");
    }
  }
};

TEST_F(Ipvs, ServesNothingWithoutTheModulesAndLoadsNone) {
  ASSERT_FALSE(module_loaded("ip_vs"));
  ASSERT_FALSE(module_loaded("dummy"));
  test::ServedCollector served{
      spec(),
      "kubecliff_",
      {.options = Options{{{"ipvs.devices", std::string{"kube-ipvs0,dummy"}}}}}};
  served.refresh();
  EXPECT_THAT(served.misses(), IsEmpty());
  EXPECT_THAT(served.figures(), IsEmpty());
  EXPECT_EQ(served.refresh(), RefreshKind::unchanged);
  EXPECT_FALSE(module_loaded("ip_vs"));
  EXPECT_FALSE(module_loaded("ip_set"));
  EXPECT_FALSE(
      module_loaded("dummy"));  // asked for a device, some interfaces load what has its name

  const auto transport = netlink::kernel_transport(NETLINK_GENERIC);
  EXPECT_THAT((ServerReader{transport, "/nowhere"}.read()),
              test::fails_with(ErrorKind::unavailable, testing::HasSubstr("IPVS")));
  EXPECT_FALSE(module_loaded("ip_vs"));
}

TEST_F(Ipvs, SeesTheModuleComeEmpty) {
  Served served;
  served.refresh();
  must_run({"modprobe", "ip_vs"});
  EXPECT_EQ(served.refresh(), RefreshKind::full);
  EXPECT_EQ(served.at("ipvs_connection_table_buckets"), 4096);
  EXPECT_EQ(served.at("ipvs_connections{ipv4,active}"), 0);
  EXPECT_EQ(served.at("ipvs_scheduled_connections_total"), 0);
  EXPECT_EQ(served.at("ipvs_estimation_enabled"), 1);
  EXPECT_EQ(served.at("ipvs_setting{conn_reuse_mode}"), 1);
  EXPECT_EQ(served.at("ipvs_setting{expire_nodest_conn}"), 0);
  EXPECT_THAT(served_servers(served.figures()), IsEmpty());
}

TEST_F(Ipvs, CountsServersAsIpvsadmDoes) {
  std::string commands;
  for (int number = 0; number < 1'000; ++number) {
    commands += add_server(number, 5);
  }
  must_run({"ipvsadm", "-R"}, commands);
  Served served;
  served.refresh();
  EXPECT_GT(listed_servers()["ipvs_virtual_servers{ipv6,sctp,rr}"], 0);
  expect_as_listed(served);

  // They come and go, and are drained.
  must_run({"ipvsadm", "-R"}, add_server(1'000, 3) + add_server(1'001, 0) + add_server(1'009, 2));
  must_run({"ipvsadm", "-D", "-t", concat(service_ip(0), ":80")});
  must_run({"ipvsadm", "-e", "-t", concat(service_ip(12), ":80"), "-r", "10.200.0.13:8080", "-m",
            "-w", "0"});
  served.refresh();
  expect_as_listed(served);
}

// Netlink is where figures come from that have no file.
TEST_F(Ipvs, NetlinkAndTheFileAgree) {
  const auto transport = netlink::kernel_transport(NETLINK_GENERIC);
  const auto by_file = ServerReader{transport, "/proc"}.read();
  const auto by_netlink = ServerReader{transport, "/nowhere"}.read();
  ASSERT_THAT(by_file, has_value());
  ASSERT_THAT(by_netlink, has_value());
  EXPECT_EQ(*by_file, *by_netlink);
  EXPECT_EQ(by_file->table_buckets, 4096U);
}

TEST_F(Ipvs, CountsAddressesAsIpDoes) {
  must_run({"ip", "link", "add", "kube-ipvs0", "type", "dummy"});
  must_run({"ip", "link", "add", "other0", "type", "dummy"});
  std::string commands;
  for (int number = 0; number < 400; ++number) {
    append(commands, "addr add ", service_ip(number), "/32 dev kube-ipvs0\n");
  }
  for (int number = 0; number < 100; ++number) {
    append(commands, "addr add fd00:96::", number + 1, "/128 dev kube-ipvs0\n");
  }
  commands += "addr add 192.0.2.1/32 dev other0\n";
  must_run({"ip", "-batch", "-"}, commands);

  const auto listed = [](const std::string& family) {
    return static_cast<double>(
        lines_of(must_run({"ip", "-o", family, "addr", "show", "dev", "kube-ipvs0"})).size());
  };
  Served served;
  served.refresh();
  EXPECT_EQ(served.at("ipvs_interface_addresses{kube-ipvs0,ipv4}"), 400);
  EXPECT_EQ(served.at("ipvs_interface_addresses{kube-ipvs0,ipv4}"), listed("-4"));
  EXPECT_EQ(served.at("ipvs_interface_addresses{kube-ipvs0,ipv6}"), listed("-6"));
  EXPECT_EQ(served.at("ipvs_interface_addresses{other0,ipv4}"), -1);

  test::ServedCollector both{
      spec(),
      "kubecliff_",
      {.options = Options{{{"ipvs.devices", std::string{"kube-ipvs0,other0"}}}}}};
  both.refresh();
  EXPECT_EQ(both.figures().at("ipvs_interface_addresses{other0,ipv4}"), 1);
}

TEST_F(Ipvs, CountsSetsAsIpsetDoes) {
  std::string commands =
      "create KUBE-CLUSTER-IP hash:ip,port maxelem 100\n"
      "create KUBE-6-CLUSTER-IP hash:ip,port family inet6\n"
      "create KUBE-NODE-PORT-TCP bitmap:port range 0-65535\n"
      "create KUBE-LOOP-BACK hash:ip,port,ip\n"
      "create KUBE-6-LOAD-BALANCER-SOURCE-CID hash:ip,port,net family inet6\n"
      "create KUBE-SRC-ABCDEF hash:ip\n"
      "create somebody-elses list:set\n";
  for (int i = 0; i < 100; ++i) {
    append(commands, "add KUBE-CLUSTER-IP ", service_ip(i), ",tcp:80\n");
  }
  for (int i = 0; i < 30; ++i) {
    append(commands, "add KUBE-NODE-PORT-TCP ", 30'000 + i, "\n");
  }
  must_run({"ipset", "restore"}, commands);
  const auto full = test::run_tool({"ipset", "add", "KUBE-CLUSTER-IP", "10.1.1.1,tcp:80"});
  ASSERT_THAT(full, has_value());
  ASSERT_NE(full->exit_status, 0) << "the set is not full";

  Figures listed;
  std::string set;
  for (const std::string& line : lines_of(must_run({"ipset", "list", "-t"}))) {
    const auto value = [&](std::string_view key) {
      const std::size_t at = line.find(key);
      return at == std::string::npos ? -1 : std::stod(line.substr(at + key.size()));
    };
    if (line.starts_with("Name: ")) {
      set = line.substr(6);
    } else if (set.starts_with("KUBE-") && set != "KUBE-SRC-ABCDEF") {
      if (const double most = value("maxelem "); most >= 0) {
        listed[concat("ipset_max_entries{", set, "}")] = most;
      } else if (const double last = value("range 0-"); last >= 0) {
        listed[concat("ipset_max_entries{", set, "}")] = last + 1;
      } else if (const double entries = value("Number of entries: "); entries >= 0) {
        listed[concat("ipset_entries{", set, "}")] = entries;
      }
    }
  }
  Served served;
  served.refresh();
  Figures sets = served.figures();
  std::erase_if(sets, [](const auto& figure) { return !figure.first.starts_with("ipset_"); });
  EXPECT_THAT(sets, ContainerEq(listed));
  EXPECT_EQ(served.at("ipset_entries{KUBE-CLUSTER-IP}"), 100);
  EXPECT_EQ(served.at("ipset_max_entries{KUBE-CLUSTER-IP}"), 100);
}

sockaddr_in address(const std::string& ip, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
  return address;
}

// The third line of ip_vs_stats.
Figures kernels_sum() {
  std::istringstream fields{lines_of(must_run({"cat", "/proc/net/ip_vs_stats"})).at(2)};
  Figures sum;
  for (const std::string name : {"connections", "incoming_packets", "outgoing_packets",
                                 "incoming_bytes", "outgoing_bytes"}) {
    std::uint64_t value = 0;
    fields >> std::hex >> value;
    sum[name] = static_cast<double>(value);
  }
  return sum;
}

// A real server on this machine, and clients of the virtual one.
TEST_F(Ipvs, CountsConnectionsAndThoseThatHangOnDrainingServers) {
  constexpr int kClients = 12;
  const std::string service = "10.97.0.1:80";
  const std::string endpoint = "10.98.0.1:8080";
  must_run({"ip", "link", "set", "kube-ipvs0", "up"});
  must_run({"ip", "addr", "add", "10.97.0.1/32", "dev", "kube-ipvs0"});
  must_run({"ip", "addr", "add", "10.98.0.1/32", "dev", "lo"});
  must_run({"ipvsadm", "-A", "-t", service, "-s", "rr"});
  must_run({"ipvsadm", "-a", "-t", service, "-r", endpoint, "-m"});
  const UniqueFd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const sockaddr_in real = address("10.98.0.1", 8080);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&real), sizeof(real)), 0);
  ASSERT_EQ(::listen(listener.get(), kClients), 0);

  Served served;
  served.refresh();
  const double before = served.at("ipvs_scheduled_connections_total");
  const double bytes_before = served.at("ipvs_incoming_bytes_total");
  std::vector<UniqueFd> clients;
  const sockaddr_in virtual_server = address("10.97.0.1", 80);
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(clients.back().get(), reinterpret_cast<const sockaddr*>(&virtual_server),
                        sizeof(virtual_server)),
              0)
        << errno;
  }
  served.refresh();
  EXPECT_EQ(served.at("ipvs_scheduled_connections_total"), before + kClients);
  EXPECT_GT(served.at("ipvs_incoming_bytes_total"), bytes_before);
  EXPECT_EQ(served.at("ipvs_connections{ipv4,active}"), kClients);
  EXPECT_EQ(served.at("ipvs_draining_connections{ipv4}"), 0);
  expect_as_listed(served);

  must_run({"ipvsadm", "-e", "-t", service, "-r", endpoint, "-m", "-w", "0"});
  served.refresh();
  EXPECT_EQ(served.at("ipvs_draining_connections{ipv4}"), kClients);
  expect_as_listed(served);

  // The kernel's own sum follows within the estimator's two seconds.
  Figures sum;
  for (int i = 0; i < 50 && sum["connections"] < before + kClients; ++i) {
    std::this_thread::sleep_for(100ms);
    sum = kernels_sum();
  }
  served.refresh();
  EXPECT_EQ(served.at("ipvs_scheduled_connections_total"), sum["connections"]);
  EXPECT_EQ(served.at("ipvs_incoming_packets_total"), sum["incoming_packets"]);
  EXPECT_EQ(served.at("ipvs_outgoing_packets_total"), sum["outgoing_packets"]);
  EXPECT_EQ(served.at("ipvs_incoming_bytes_total"), sum["incoming_bytes"]);
  EXPECT_EQ(served.at("ipvs_outgoing_bytes_total"), sum["outgoing_bytes"]);
}

// Connections tracked through a virtual server whose real server is drained, and then taken away.
TEST_F(Ipvs, FlowsToARealServerThatIsGoneAreStale) {
  constexpr int kClients = 7;
  const std::string service = "10.97.0.2:80";
  const std::string gone = "10.98.0.2:8080";
  must_run({"modprobe", "nf_conntrack_netlink"});
  must_run({"sysctl", "-w", "net.ipv4.vs.conntrack=1"});
  // As kube-proxy's rules do: IPVS by itself tracks nothing.
  must_run({"nft", "-f", "-"},
           "table inet tracking { chain output { type filter hook output priority 0; "
           "ct state new counter; }; }");
  must_run({"ip", "addr", "add", "10.97.0.2/32", "dev", "kube-ipvs0"});
  must_run({"ip", "addr", "add", "10.98.0.2/32", "dev", "lo"});
  must_run({"ipvsadm", "-A", "-t", service, "-s", "rr"});
  must_run({"ipvsadm", "-a", "-t", service, "-r", gone, "-m"});
  const UniqueFd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const sockaddr_in real = address("10.98.0.2", 8080);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&real), sizeof(real)), 0);
  ASSERT_EQ(::listen(listener.get(), kClients), 0);
  std::vector<UniqueFd> clients;
  const sockaddr_in virtual_server = address("10.97.0.2", 80);
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(clients.back().get(), reinterpret_cast<const sockaddr*>(&virtual_server),
                        sizeof(virtual_server)),
              0)
        << errno;
  }

  const auto endpoints = std::make_shared<ServiceEndpoints>();
  const CollectorContext context{.options = {}, .service_endpoints = endpoints};
  test::ServedCollector servers{spec(), "kubecliff_", context};
  test::ServedCollector flows{conntrack::flows_spec(), "kubecliff_conntrack_", context};
  const auto stale_after_look = [&] {
    servers.refresh(30s);
    servers.refresh(30s);
    flows.refresh(1min);
    servers.refresh(5s);
    servers.refresh(5s);
    flows.refresh(10s);
    const auto found = flows.figures().find("stale_flows{tcp}");
    const double stale = found == flows.figures().end() ? -1 : found->second;
    // The library that names them, which reads everything anew.
    const auto named = inventory::stale_flows({});
    EXPECT_THAT(named, has_value());
    EXPECT_EQ(named ? static_cast<double>(named->total) : -1, stale);
    return stale;
  };
  EXPECT_EQ(stale_after_look(), 0);
  must_run({"ipvsadm", "-e", "-t", service, "-r", gone, "-m", "-w", "0"});
  EXPECT_EQ(stale_after_look(), 0);
  must_run({"ipvsadm", "-d", "-t", service, "-r", gone});
  EXPECT_EQ(stale_after_look(), kClients);
  must_run({"ipvsadm", "-D", "-t", service});
  EXPECT_EQ(stale_after_look(), 0);  // a Service that is gone is not judged
  must_run({"nft", "delete", "table", "inet", "tracking"});
}

TEST_F(Ipvs, SettingsAreServedAsTheyAre) {
  must_run({"sysctl", "-w", "net.ipv4.vs.conn_reuse_mode=0", "net.ipv4.vs.expire_nodest_conn=1",
            "net.ipv4.vs.run_estimation=0"});
  Served served;
  served.refresh();
  EXPECT_EQ(served.at("ipvs_setting{conn_reuse_mode}"), 0);
  EXPECT_EQ(served.at("ipvs_setting{expire_nodest_conn}"), 1);
  EXPECT_EQ(served.at("ipvs_setting{expire_quiescent_template}"), 0);
  EXPECT_EQ(served.at("ipvs_estimation_enabled"), 0);
}

TEST_F(Ipvs, TheWholeProgramServesIt) {
  auto program = test::Program::start({"--web.listen-address=127.0.0.1:0"});
  ASSERT_THAT(program, has_value());
  const std::uint16_t port = (*program)->port_served();
  ASSERT_NE(port, 0);
  std::string page;
  const std::string ready = "kubecliff_collector_success{collector=\"ipvs\"} 1";
  for (int i = 0; i < 300 && !page.contains(ready); ++i) {
    std::this_thread::sleep_for(100ms);
    page = test::http_get(port, "/metrics");
  }
  ASSERT_TRUE(page.contains(ready)) << (*program)->line_with("ipvs");
  for (const std::string scheduler : {"rr", "sed"}) {
    const double listed =
        listed_servers().at(concat("ipvs_virtual_servers{ipv4,tcp,", scheduler, "}"));
    EXPECT_TRUE(page.contains(
        concat(R"(kubecliff_ipvs_virtual_servers{family="ipv4",protocol="tcp",scheduler=")",
               scheduler, "\"} ", static_cast<int>(listed), "\n")));
  }
  EXPECT_TRUE(page.contains("kubecliff_ipset_entries{set=\"KUBE-CLUSTER-IP\"} 100\n"));
}

TEST_F(Ipvs, SeesTheModuleGo) {
  Served served;
  served.refresh();
  must_run({"ipvsadm", "-C"});
  std::vector<std::string> unload{"rmmod"};
  for (const std::string_view line : lines_of(must_run({"lsmod"}))) {
    if (line.starts_with("ip_vs_")) {
      unload.emplace_back(line.substr(0, line.find(' ')));
    }
  }
  must_run(unload);
  must_run({"rmmod", "ip_vs"});
  EXPECT_EQ(served.refresh(), RefreshKind::full);
  for (const auto& [name, value] : served.figures()) {
    EXPECT_TRUE(name.starts_with("ipset_") || name.starts_with("ipvs_interface_")) << name;
  }
  EXPECT_FALSE(module_loaded("ip_vs"));
}

}  // namespace
}  // namespace kubecliff::ipvs
