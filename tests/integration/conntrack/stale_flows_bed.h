// A node with two Services, one of UDP and one of TCP, whose endpoints are addresses of loopback,
// and clients whose flows stay open. How the ruleset is written and listed is for those that
// derive.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/conntrack/conntrack.h"
#include "collectors/core/service_endpoints.h"
#include "collectors/kernel/unique_fd.h"
#include "tests/support/network_namespace.h"
#include "tests/support/ruleset.h"
#include "tests/support/served_collector.h"

namespace kubecliff::conntrack {

inline constexpr int kEndpointPort = 8080;
inline constexpr int kForeignPort = 9'999;

// Everything is on loopback.
struct Addresses {
  std::string udp_service;
  std::string tcp_service;
  std::string services;  // the network of both
  std::string foreign;   // somebody else's DNAT leads from here to the last endpoint
  std::string node;
  std::vector<std::string> endpoints;
};

// One protocol's Service.
struct TestService {
  std::string_view protocol;
  std::string address;
  int port = 0;
  int node_port = 0;  // 0: none
  std::vector<std::string> endpoints = {};
};

// Endpoints as "10.0.0.1 8080", by "udp 10.96.0.1 53", and with "*" for the address of node ports.
using Reference = std::map<std::string, std::set<std::string>>;

// The word that follows `before`; empty where that does not stand in the line.
[[nodiscard]] std::string word_after(std::string_view line, std::string_view before);

// "10.0.0.1 8080" of "10.0.0.1:8080" and "[fd00::1]:8080".
[[nodiscard]] std::string host_and_port(std::string_view text);

class StaleFlowsTest : public test::NetworkNamespaceTest {
 protected:
  StaleFlowsTest(test::Family family, const CollectorSpec& ruleset);

  void SetUp() override;

  // What is there before the first Service, and somebody else's DNAT.
  virtual void prepare(const Addresses& addresses) = 0;
  // kube-proxy's sync of both Services; `gone` are endpoints whose chains are to go.
  virtual void sync(const std::vector<TestService>& services,
                    const std::vector<std::string>& gone) = 0;
  // What an independent tool says of the ruleset.
  [[nodiscard]] virtual Reference reference() const = 0;

  // The tests: what becomes of flows whose endpoints go, are replaced, and go altogether; and that
  // nothing is served before a ruleset was told.
  void expect_those_whose_endpoint_is_gone();
  void expect_nothing_where_nobody_tells_services();

 private:
  void set_endpoints(const std::vector<std::string>& endpoints,
                     const std::vector<std::string>& gone = {});
  [[nodiscard]] UniqueFd make_socket(int type) const;
  [[nodiscard]] UniqueFd listen_at(int type, std::string_view endpoint) const;
  void open_flows(int type, std::string_view to, int port, int count);
  void open_flows();
  [[nodiscard]] test::Figures stale_figures() const;
  [[nodiscard]] int expect_as_listed() const;

  test::Family family_;
  Addresses addresses_;
  std::vector<UniqueFd> listeners_;
  std::vector<UniqueFd> clients_;
  std::shared_ptr<ServiceEndpoints> endpoints_ = std::make_shared<ServiceEndpoints>();
  test::ServedCollector ruleset_;
  test::ServedCollector flows_;
};

}  // namespace kubecliff::conntrack
