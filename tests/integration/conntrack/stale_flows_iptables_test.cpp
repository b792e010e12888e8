// Stale flows of Services in either backend of iptables, judged by `conntrack -L` and iptables-save
// on the same state.
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "collectors/iptables/iptables.h"
#include "tests/integration/conntrack/stale_flows_bed.h"
#include "tests/support/backend.h"
#include "tests/support/must.h"
#include "tests/support/run_tool.h"
#include "tests/support/text.h"

namespace kubecliff::conntrack {
namespace {

using test::Backend;
using test::concat;
using test::Family;
using test::Flush;
using test::label;
using test::must;

std::string chain_of(const TestService& service, std::string_view kind) {
  return test::hashed_chain(concat("KUBE-", kind, "-"), service.protocol);
}
std::string endpoint_chain_of(const TestService& service, std::string_view endpoint) {
  return test::hashed_chain("KUBE-SEP-", concat(service.protocol, endpoint));
}

// kube-proxy's partial sync of both Services; `gone` are endpoints whose chains are to go.
std::string partial_sync(const std::vector<TestService>& services,
                         const std::vector<std::string>& gone) {
  std::string chains;
  std::string rules;
  std::string removals;
  std::string refusals;
  for (const TestService& service : services) {
    chains += concat(":", chain_of(service, "SVC"), " - [0:0]\n:", chain_of(service, "EXT"),
                     " - [0:0]\n");
    const std::string match = concat(" -p ", service.protocol, " -m ", service.protocol);
    const std::string to = concat(match, " --dport ", service.port);
    const std::string to_node = concat(match, " --dport ", service.node_port);
    if (service.endpoints.empty()) {
      refusals += concat("-A KUBE-SERVICES -d ", service.address, to, " -j REJECT\n");
      if (service.node_port != 0) {
        refusals +=
            concat("-A KUBE-SERVICES -m addrtype --dst-type LOCAL", to_node, " -j REJECT\n");
      }
    } else {
      rules += concat("-A KUBE-SERVICES -d ", service.address, to, " -j ", chain_of(service, "SVC"),
                      "\n");
      if (service.node_port != 0) {
        rules += concat("-A KUBE-NODEPORTS", to_node, " -j ", chain_of(service, "EXT"), "\n");
      }
    }
    rules += concat("-A ", chain_of(service, "EXT"), " -j ", chain_of(service, "SVC"), "\n");
    for (std::size_t i = 0; i < service.endpoints.size(); ++i) {
      const std::string chain = endpoint_chain_of(service, service.endpoints[i]);
      const bool ipv6 = service.endpoints[i].contains(':');
      const std::size_t left = service.endpoints.size() - i;
      chains += concat(":", chain, " - [0:0]\n");
      rules += concat("-A ", chain_of(service, "SVC"),
                      left > 1 ? " -m statistic --mode random --probability 0.5" : "", " -j ",
                      chain, "\n-A ", chain, match, " -j DNAT --to-destination ", ipv6 ? "[" : "",
                      service.endpoints[i], ipv6 ? "]" : "", ":", kEndpointPort, "\n");
    }
    for (const std::string& endpoint : gone) {
      const std::string chain = endpoint_chain_of(service, endpoint);
      chains += concat(":", chain, " - [0:0]\n");
      removals += concat("-X ", chain, "\n");
    }
  }
  return concat("*filter\n:KUBE-SERVICES - [0:0]\n", refusals,
                "COMMIT\n*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-NODEPORTS - [0:0]\n", chains, rules,
                "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n", removals,
                "COMMIT\n");
}

std::string host_of(std::string_view network) {
  return std::string{network.substr(0, network.find('/'))};
}

Reference reference_endpoints(const std::string& saved) {
  std::map<std::string, std::string> translations;              // by KUBE-SEP-*
  std::map<std::string, std::set<std::string>> choices;         // by hash
  std::vector<std::pair<std::string, std::string>> dispatches;  // Service and hash
  std::istringstream lines{saved};
  for (std::string line; std::getline(lines, line);) {
    const std::string chain = word_after(line, "-A ");
    const std::string target = word_after(line, "-j ");
    const std::string hash = target.substr(target.rfind('-') + 1);
    if (target == "DNAT" && chain.starts_with("KUBE-SEP-")) {
      translations[chain] = host_and_port(word_after(line, "--to-destination "));
    } else if (chain.starts_with("KUBE-SVC-")) {
      choices[chain.substr(chain.rfind('-') + 1)].insert(target);
    } else if (!word_after(line, "--dport ").empty() &&
               (chain == "KUBE-SERVICES" || chain == "KUBE-NODEPORTS")) {
      const std::string address = host_of(word_after(line, "-d "));
      dispatches.emplace_back(concat(word_after(line, "-p "), " ", address.empty() ? "*" : address,
                                     " ", word_after(line, "--dport ")),
                              hash);
    }
  }
  Reference reference;
  for (const auto& [service, hash] : dispatches) {
    std::set<std::string>& endpoints = reference[service];
    for (const std::string& choice : choices[hash]) {
      endpoints.insert(translations[choice]);
    }
  }
  return reference;
}

class StaleFlowsOfIptables : public StaleFlowsTest,
                             public ::testing::WithParamInterface<std::tuple<Backend, Family>> {
 protected:
  StaleFlowsOfIptables() : StaleFlowsTest{family(), iptables::spec()} {}

  [[nodiscard]] static Backend backend() { return std::get<0>(GetParam()); }
  [[nodiscard]] static Family family() { return std::get<1>(GetParam()); }

  void prepare(const Addresses& addresses) override {
    const bool ipv6 = family() == Family::ipv6;
    must(test::restore(
        backend(), family(),
        concat("*filter\n:KUBE-SERVICES - [0:0]\nCOMMIT\n*nat\n:KUBE-SERVICES - [0:0]\n",
               "-A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n",
               "-A OUTPUT -d ", addresses.foreign, " -p udp -m udp --dport ", kForeignPort,
               " -j DNAT --to-destination ", ipv6 ? "[" : "", addresses.endpoints.back(),
               ipv6 ? "]" : "", ":", kEndpointPort, "\nCOMMIT\n")));
  }
  void sync(const std::vector<TestService>& services,
            const std::vector<std::string>& gone) override {
    must(test::restore(backend(), family(), partial_sync(services, gone), Flush::none));
  }
  [[nodiscard]] Reference reference() const override {
    return reference_endpoints(must(test::save(backend(), family())));
  }
};

INSTANTIATE_TEST_SUITE_P(, StaleFlowsOfIptables,
                         ::testing::Combine(::testing::ValuesIn(test::kBackends),
                                            ::testing::ValuesIn(test::kFamilies)),
                         [](const auto& param) {
                           return concat(label(std::get<0>(param.param)), "_",
                                         label(std::get<1>(param.param)));
                         });

TEST_P(StaleFlowsOfIptables, AreThoseWhoseEndpointIsGone) {
  expect_those_whose_endpoint_is_gone();
}

TEST_P(StaleFlowsOfIptables, AreNotServedWhereNobodyTellsServices) {
  expect_nothing_where_nobody_tells_services();
}

}  // namespace
}  // namespace kubecliff::conntrack
