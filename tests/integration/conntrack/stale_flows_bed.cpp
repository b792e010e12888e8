#include "tests/integration/conntrack/stale_flows_bed.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <gmock/gmock.h>

#include "collectors/inventory/stale_flows.h"
#include "tests/support/backend.h"
#include "tests/support/figures.h"
#include "tests/support/must.h"
#include "tests/support/run_tool.h"
#include "tests/support/service_keys.h"
#include "tests/support/text.h"

namespace kubecliff::conntrack {
namespace {

using test::concat;
using test::Family;
using test::Figures;
using test::label;
using test::must;
using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

using namespace std::chrono_literals;

constexpr int kNodePort = 30'053;

Addresses addresses_of(Family family) {
  if (family == Family::ipv4) {
    return {.udp_service = "10.96.0.1",
            .tcp_service = "10.96.0.2",
            .services = "10.96.0.0/16",
            .foreign = "10.96.200.1",
            .node = "127.0.0.1",
            .endpoints = {"100.64.0.1", "100.64.0.2", "100.64.0.3"}};
  }
  return {.udp_service = "fd00:96::1",
          .tcp_service = "fd00:96::2",
          .services = "fd00:96::/64",
          .foreign = "fd00:96::200",
          .node = "::1",
          .endpoints = {"fd00:10::1", "fd00:10::2", "fd00:10::3"}};
}

// Stale flows by protocol.
std::map<std::string, int> reference_stale(Family family, const Reference& reference) {
  std::map<std::string, int> stale;
  const test::ToolRun listed = must(test::conntrack({"-L", "-f", std::string{label(family)}}));
  std::istringstream lines{listed.out};
  for (std::string line; std::getline(lines, line);) {
    const std::string protocol = line.substr(0, line.find(' '));
    // Two of each: the first are of the original direction, the last of the reply.
    const std::string_view reply = std::string_view{line}.substr(line.rfind(" src="));
    const std::string to = word_after(line, "dst=");
    const std::string port = word_after(line, "dport=");
    const std::string by = concat(word_after(reply, "src="), " ", word_after(reply, "sport="));
    auto service = reference.find(concat(protocol, " ", to, " ", port));
    if (service == reference.end()) {
      service = reference.find(concat(protocol, " * ", port));
    }
    if (service != reference.end() && by != concat(to, " ", port) &&
        !service->second.contains(by)) {
      ++stale[protocol];
    }
  }
  return stale;
}

// Expects one remark, about a flow that is listed.
void expect_listed(Family family, const std::vector<std::string>& remarks) {
  ASSERT_EQ(remarks.size(), 1U);
  const std::string& remark = remarks.front();
  const std::size_t original = remark.find("src=");
  const std::size_t reply = remark.find("src=", original + 1);
  ASSERT_NE(reply, std::string::npos) << remark;
  const std::string listed =
      must(test::conntrack({"-L", "-p", "udp", "-f", std::string{label(family)}})).out;
  EXPECT_TRUE(listed.contains(remark.substr(original, reply - original))) << remark;
  EXPECT_TRUE(listed.contains(remark.substr(reply))) << remark;
}

std::pair<sockaddr_storage, socklen_t> socket_address(std::string_view text, int port) {
  sockaddr_storage storage{};
  const auto bytes = test::address_bytes(text);
  const auto be_port = htons(static_cast<std::uint16_t>(port));
  if (bytes.size() == sizeof(in_addr)) {
    sockaddr_in ipv4{.sin_family = AF_INET, .sin_port = be_port, .sin_addr = {}, .sin_zero = {}};
    std::memcpy(&ipv4.sin_addr, bytes.data(), bytes.size());
    std::memcpy(&storage, &ipv4, sizeof(ipv4));
    return {storage, socklen_t{sizeof(ipv4)}};
  }
  sockaddr_in6 ipv6{.sin6_family = AF_INET6,
                    .sin6_port = be_port,
                    .sin6_flowinfo = 0,
                    .sin6_addr = {},
                    .sin6_scope_id = 0};
  std::memcpy(&ipv6.sin6_addr, bytes.data(), bytes.size());
  std::memcpy(&storage, &ipv6, sizeof(ipv6));
  return {storage, socklen_t{sizeof(ipv6)}};
}

}  // namespace

std::string word_after(std::string_view line, std::string_view before) {
  const std::size_t at = line.find(before);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = line.substr(at + before.size());
  return std::string{rest.substr(0, rest.find(' '))};
}

std::string host_and_port(std::string_view text) {
  std::string host{text};
  host.at(host.rfind(':')) = ' ';
  std::erase(host, '[');
  std::erase(host, ']');
  return host;
}

StaleFlowsTest::StaleFlowsTest(Family family, const CollectorSpec& ruleset)
    : family_{family},
      addresses_{addresses_of(family)},
      ruleset_{ruleset, "kubecliff_", {.options = {}, .service_endpoints = endpoints_}},
      flows_{
          flows_spec(), "kubecliff_conntrack_", {.options = {}, .service_endpoints = endpoints_}} {}

void StaleFlowsTest::SetUp() {
  NetworkNamespaceTest::SetUp();
  if (IsSkipped()) {
    return;
  }
  const std::string version = family_ == Family::ipv4 ? "-4" : "-6";
  for (const std::string& endpoint : addresses_.endpoints) {
    test::must_run({"ip", version, "address", "add", endpoint, "dev", "lo", "nodad"});
    listeners_.push_back(listen_at(SOCK_DGRAM, endpoint));
    listeners_.push_back(listen_at(SOCK_STREAM, endpoint));
  }
  test::must_run({"ip", version, "route", "add", addresses_.services, "dev", "lo"});
  prepare(addresses_);
}

void StaleFlowsTest::set_endpoints(const std::vector<std::string>& endpoints,
                                   const std::vector<std::string>& gone) {
  sync({{.protocol = "udp",
         .address = addresses_.udp_service,
         .port = 53,
         .node_port = kNodePort,
         .endpoints = endpoints},
        {.protocol = "tcp", .address = addresses_.tcp_service, .port = 80, .endpoints = endpoints}},
       gone);
}

UniqueFd StaleFlowsTest::make_socket(int type) const {
  UniqueFd socket{::socket(family_ == Family::ipv4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0)};
  if (!socket.valid()) {
    throw std::runtime_error{"socket"};
  }
  return socket;
}

UniqueFd StaleFlowsTest::listen_at(int type, std::string_view endpoint) const {
  UniqueFd socket = make_socket(type);
  const auto [at, size] = socket_address(endpoint, kEndpointPort);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), size) != 0 ||
      (type == SOCK_STREAM && ::listen(socket.get(), 100) != 0)) {
    throw std::runtime_error{concat("cannot listen at ", endpoint)};
  }
  return socket;
}

// Each has a port of its own, so each is a flow.
void StaleFlowsTest::open_flows(int type, std::string_view to, int port, int count) {
  const auto [at, size] = socket_address(to, port);
  for (int i = 0; i < count; ++i) {
    clients_.push_back(make_socket(type));
    if (::connect(clients_.back().get(), reinterpret_cast<const sockaddr*>(&at), size) != 0 ||
        ::send(clients_.back().get(), "?", 1, MSG_NOSIGNAL) != 1) {
      throw std::runtime_error{concat("nobody at ", to, " port ", port)};
    }
  }
}
void StaleFlowsTest::open_flows() {
  open_flows(SOCK_DGRAM, addresses_.udp_service, 53, 30);
  open_flows(SOCK_DGRAM, addresses_.node, kNodePort, 20);
  open_flows(SOCK_STREAM, addresses_.tcp_service, 80, 20);
  open_flows(SOCK_DGRAM, addresses_.foreign, kForeignPort, 3);
}

Figures StaleFlowsTest::stale_figures() const {
  Figures stale = flows_.figures();
  std::erase_if(stale, [](const auto& figure) { return !figure.first.starts_with("stale_"); });
  return stale;
}

// The same of the library that names them, which reads everything anew.
std::map<std::string, int> named_stale() {
  std::map<std::string, int> stale;
  const auto found = must(inventory::stale_flows({.flows = {.top = 100}}));
  for (const inventory::StaleFlow& one : found.most) {
    stale[one.flow.protocol == IPPROTO_UDP ? "udp" : "tcp"] += static_cast<int>(one.flow.flows);
  }
  return stale;
}

// Expects the same as the tools say, and gives the sum.
int StaleFlowsTest::expect_as_listed() const {
  const auto expected = reference_stale(family_, reference());
  EXPECT_EQ(named_stale(), expected);
  int sum = 0;
  for (const std::string protocol : {"udp", "tcp"}) {
    const auto found = expected.find(protocol);
    const int count = found == expected.end() ? 0 : found->second;
    EXPECT_THAT(flows_.figures(), Contains(Pair(concat("stale_flows{", protocol, "}"), count)));
    sum += count;
  }
  return sum;
}

void StaleFlowsTest::expect_those_whose_endpoint_is_gone() {
  const std::string& first = addresses_.endpoints[0];
  const std::string& second = addresses_.endpoints[1];
  const std::string& third = addresses_.endpoints[2];
  set_endpoints({first, second});
  open_flows();
  ruleset_.refresh();
  flows_.refresh();
  EXPECT_EQ(expect_as_listed(), 0);
  EXPECT_THAT(flows_.figures(), Not(Contains(Key("stale_flows{sctp}"))));

  set_endpoints({first}, {second});
  ruleset_.refresh(1min);
  EXPECT_EQ(flows_.refresh(1min), RefreshKind::full);
  // Not before the ruleset was looked at once more.
  EXPECT_EQ(flows_.refresh(5s), RefreshKind::unchanged);
  EXPECT_THAT(flows_.figures(), Contains(Pair("stale_flows{udp}", 0)));
  ruleset_.refresh();
  EXPECT_EQ(flows_.refresh(5s), RefreshKind::incremental);
  EXPECT_GT(expect_as_listed(), 0);
  expect_listed(family_, flows_.remarks());
  EXPECT_EQ(flows_.refresh(5s), RefreshKind::unchanged);

  // An endpoint in place of another, and flows to it that are seen before it is: in the legacy
  // backend nothing but a copy of the whole table shows it. Flows to the one that is gone are seen
  // at the next dump.
  const Figures before = stale_figures();
  set_endpoints({third}, {first});
  open_flows();
  flows_.refresh(1min);
  ruleset_.refresh(1min);
  EXPECT_EQ(flows_.refresh(5s), RefreshKind::incremental);
  EXPECT_EQ(stale_figures(), before);
  flows_.refresh(1min);
  ruleset_.refresh(1min);
  flows_.refresh(5s);
  EXPECT_EQ(expect_as_listed(), 70);

  // A Service whose endpoints are all gone is a Service still.
  set_endpoints({}, {third});
  ruleset_.refresh();
  flows_.refresh(1min);
  ruleset_.refresh(1min);
  flows_.refresh(5s);
  EXPECT_EQ(expect_as_listed(), 140);

  must(test::conntrack({"-D", "-f", std::string{label(family_)}, "-p", "udp"}));
  flows_.refresh(1min);
  ruleset_.refresh(1min);
  flows_.refresh(5s);
  EXPECT_EQ(expect_as_listed(), 40);
  EXPECT_THAT(flows_.misses(), ::testing::IsEmpty());
}

void StaleFlowsTest::expect_nothing_where_nobody_tells_services() {
  set_endpoints({addresses_.endpoints[0]});
  open_flows();
  flows_.refresh();
  EXPECT_THAT(flows_.figures(), Not(Contains(Key("stale_flows{udp}"))));
  // The first ruleset calls for a dump.
  ruleset_.refresh();
  EXPECT_EQ(flows_.refresh(5s), RefreshKind::full);
  EXPECT_EQ(expect_as_listed(), 0);
}

}  // namespace kubecliff::conntrack
