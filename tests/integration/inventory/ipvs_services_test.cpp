// Services of IPVS in a real kernel that has it, judged by ipvsadm.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/inventory/service_index.h"
#include "collectors/inventory/services.h"
#include "collectors/inventory/uneven.h"
#include "collectors/kernel/unique_fd.h"
#include "tests/integration/inventory/seen_service.h"
#include "tests/support/must.h"
#include "tests/support/network_namespace.h"
#include "tests/support/run_tool.h"
#include "tests/support/text.h"

namespace kubecliff::inventory {
namespace {

using test::append;
using test::concat;
using test::must;
using test::must_run;

using namespace std::chrono_literals;

// Every family, protocol and scheduler, with weights of 0 to 3 and sometimes persistent.
std::string add_server(int number) {
  const bool v6 = number % 4 == 1;
  const std::string protocol = number % 3 == 0 ? "-t" : number % 3 == 1 ? "-u" : "--sctp-service";
  const std::string which =
      concat(protocol, " ",
             v6 ? concat("[fd00:96::", number + 1, "]") : concat("10.96.0.", number + 1), ":80");
  std::string commands = concat("-A ", which, " -s ", number % 2 == 0 ? "rr" : "wrr",
                                number % 5 == 0 ? " -p 10800" : "", "\n");
  for (int i = 0; i < number % 4; ++i) {
    append(commands, "-a ", which, " -r ",
           v6 ? concat("[fd00:", i + 1, "::", number + 1, "]")
              : concat("10.", 200 + i, ".0.", number + 1),
           ":8080 -m -w ", (number + i) % 4, "\n");
  }
  return commands;
}

struct Listed {
  std::map<std::string, std::map<std::string, int>> weights;  // by service and endpoint
  std::map<std::string, bool> persistent;
};

Listed listed() {
  Listed all;
  std::string service;
  std::istringstream lines{must_run({"ipvsadm", "-Ln"})};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string first;
    std::string second;
    words >> first >> second;
    if (first == "TCP" || first == "UDP" || first == "SCTP") {
      service = concat(first, " ", second);
      all.weights[service];
      all.persistent[service] = line.contains("persistent");
    } else if (first == "->" && !service.empty()) {
      std::string forward;
      words >> forward >> all.weights[service][second];
    }
  }
  return all;
}

// Connections, of a service as of itself.
std::map<std::string, std::map<std::string, std::uint64_t>> listed_connections() {
  std::map<std::string, std::map<std::string, std::uint64_t>> all;
  std::string service;
  std::istringstream lines{must_run({"ipvsadm", "-Ln", "--stats", "--exact"})};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string first;
    std::string second;
    std::uint64_t connections = 0;
    words >> first >> second >> connections;
    if (first == "TCP" || first == "UDP" || first == "SCTP") {
      service = concat(first, " ", second);
      all[service][""] = connections;
    } else if (first == "->" && !service.empty()) {
      all[service][second] = connections;
    }
  }
  return all;
}

std::string key_of(const Service& service) {
  const char* protocol = service.protocol == IPPROTO_TCP   ? "TCP"
                         : service.protocol == IPPROTO_UDP ? "UDP"
                                                           : "SCTP";
  return concat(protocol, " ", text(service.address, service.port));
}

class IpvsServices : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("KUBECLIFF_EMULATED_KERNEL") == nullptr) {  // NOLINT(concurrency-mt-unsafe)
      test::skip("loads modules: tests/support/emulated_kernel runs it");
    }
  }
};

TEST_F(IpvsServices, AreNoneWithoutTheModule) {
  const Services services = must(read_services({}));
  EXPECT_TRUE(services.services.empty());
  for (const Miss& miss : services.misses) {
    EXPECT_NE(miss.dataplane, Dataplane::ipvs) << miss.error.message;
  }
}

TEST_F(IpvsServices, AreAsIpvsadmListsThem) {
  must_run({"modprobe", "ip_vs"});
  std::string commands;
  for (int number = 0; number < 60; ++number) {
    commands += add_server(number);
  }
  must_run({"ipvsadm", "-R"}, commands + "-A -f 7 -s rr\n");

  const Listed expected = listed();
  ASSERT_EQ(expected.weights.size(), 60U);
  const Services services = must(read_services({}));
  Listed found;
  for (const Service& service : services.services) {
    EXPECT_EQ(service.dataplane, Dataplane::ipvs);
    EXPECT_EQ(service.rules, 0U);
    EXPECT_EQ(service.name, "");
    EXPECT_FALSE(service.counted_together);
    EXPECT_EQ(service.packets, 0U);
    found.persistent[key_of(service)] = service.affinity;
    auto& weights = found.weights[key_of(service)];
    for (const Endpoint& endpoint : service.endpoints) {
      weights[text(endpoint.address, endpoint.port)] = static_cast<int>(endpoint.weight);
    }
  }
  EXPECT_EQ(found.weights, expected.weights);
  EXPECT_EQ(found.persistent, expected.persistent);
  EXPECT_TRUE(must(read_services({.most_services = 3})).cut);
}

// The estimator brings the kernel's own numbers up to date every two seconds.
TEST_F(IpvsServices, HaveTheConnectionsThatIpvsadmSays) {
  must_run({"ipvsadm", "-C"});
  must_run({"ip", "link", "set", "lo", "up"});
  must_run({"ip", "address", "add", "10.96.1.1/32", "dev", "lo"});
  must_run({"ip", "address", "add", "10.210.0.1/32", "dev", "lo"});
  must_run({"ip", "address", "add", "10.210.0.2/32", "dev", "lo"});
  must_run({"ipvsadm", "-R"},
           "-A -u 10.96.1.1:53 -s wrr\n"
           "-a -u 10.96.1.1:53 -r 10.210.0.1:8053 -m -w 1\n"
           "-a -u 10.96.1.1:53 -r 10.210.0.2:8053 -m -w 3\n");
  constexpr std::uint64_t kFlows = 1'200;
  std::vector<UniqueFd> sockets;
  for (std::uint64_t i = 0; i < kFlows; ++i) {
    if (i % 400 == 0) {
      sockets.clear();
    }
    const UniqueFd& socket = sockets.emplace_back(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in from{.sin_family = AF_INET,
                     .sin_port = htons(static_cast<std::uint16_t>(20'000 + i)),
                     .sin_addr = {htonl(INADDR_LOOPBACK)},
                     .sin_zero = {}};
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&from), sizeof(from)), 0);
    sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {}, .sin_zero = {}};
    ASSERT_EQ(::inet_pton(AF_INET, "10.96.1.1", &to.sin_addr), 1);
    ASSERT_EQ(::sendto(socket.get(), "?", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)),
              1);
  }

  Services services;
  for (int i = 0; i < 100; ++i) {
    services = must(read_services({}));
    ASSERT_EQ(services.services.size(), 1U);
    if (services.services[0].packets == kFlows) {
      break;
    }
    std::this_thread::sleep_for(100ms);
  }
  const Service& service = services.services[0];
  const auto expected = listed_connections();
  EXPECT_EQ(service.packets, kFlows);
  EXPECT_EQ(service.packets, expected.at("UDP 10.96.1.1:53").at(""));
  for (const Endpoint& endpoint : service.endpoints) {
    EXPECT_EQ(endpoint.packets,
              expected.at("UDP 10.96.1.1:53").at(text(endpoint.address, endpoint.port)));
  }
  EXPECT_EQ(service.shares, Shares::weights);
  EXPECT_TRUE(uneven(service).empty());  // 300 and 900, as the weights are

  must_run({"ipvsadm", "-e", "-u", "10.96.1.1:53", "-r", "10.210.0.2:8053", "-m", "-w", "1"});
  EXPECT_EQ(uneven(must(read_services({})).services.at(0)).size(), 2U);

  // Numbers that nobody brings up to date are not told.
  must_run({"sysctl", "-w", "net.ipv4.vs.run_estimation=0"});
  const Services uncounted = must(read_services({}));
  EXPECT_EQ(uncounted.services.at(0).packets, std::nullopt);
  EXPECT_EQ(uncounted.services.at(0).endpoints.at(0).packets, std::nullopt);

  const ServiceIndex index{services};
  EXPECT_NE(index.find(IPPROTO_UDP, service.address.view(), 53), nullptr);
  EXPECT_EQ(index.find(IPPROTO_TCP, service.address.view(), 53), nullptr);
}

}  // namespace
}  // namespace kubecliff::inventory
