// Stale flows of Services in kube-proxy's nftables mode, judged by `conntrack -L` and `nft list` on
// the same state.
#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "collectors/nftables/nftables.h"
#include "tests/integration/conntrack/stale_flows_bed.h"
#include "tests/support/nft_list.h"
#include "tests/support/nftables_ruleset.h"
#include "tests/support/run_tool.h"
#include "tests/support/text.h"

namespace kubecliff::conntrack {
namespace {

using test::append;
using test::concat;
using test::Family;
using test::KubeProxyShape;
using test::label;

constexpr std::array<std::string_view, 4> kMaps{"service-ips", "service-nodeports",
                                                "no-endpoint-services", "no-endpoint-nodeports"};

// "ip" and the like.
std::string_view ip(Family family) {
  return family == Family::ipv4 ? "ip" : "ip6";
}
std::string bracketed(std::string_view address) {
  return address.contains(':') ? concat("[", address, "]") : std::string{address};
}

std::string chain_of(const TestService& service, std::string_view kind) {
  return concat(kind, "-ABCDEFGH-test/", service.protocol, "/", service.protocol, "/p");
}
std::string endpoint_chain_of(const TestService& service, std::string_view endpoint) {
  std::string address{endpoint};
  std::ranges::replace(address, ':', '.');
  return concat(chain_of(service, "endpoint"), "__", address, "/", kEndpointPort);
}

// The rule by which an endpoint is chosen, and before it the chains that it leads to.
std::string choice(const TestService& service, Family family, KubeProxyShape release) {
  const std::string table = concat(ip(family), " kube-proxy ");
  const bool chains = release == KubeProxyShape::up_to_1_35;
  const int count = static_cast<int>(service.endpoints.size());
  std::string script;
  std::string map;
  for (std::size_t i = 0; i < service.endpoints.size(); ++i) {
    const std::string& endpoint = service.endpoints[i];
    append(map, i == 0 ? "" : ", ", static_cast<int>(i), " : ");
    if (!chains) {
      append(map, endpoint, " . ", kEndpointPort);
      continue;
    }
    const std::string chain = concat(table, endpoint_chain_of(service, endpoint));
    append(map, "goto ", endpoint_chain_of(service, endpoint));
    append(script, "add chain ", chain, "\nflush chain ", chain, "\nadd rule ", chain,
           " meta l4proto ", service.protocol, " dnat to ", bracketed(endpoint), ":", kEndpointPort,
           "\n");
  }
  append(script, "add rule ", table, chain_of(service, "service"), " ");
  if (chains) {
    append(script, "numgen random mod ", count, " vmap { ", map, " }\n");
  } else {
    append(script, "meta l4proto ", service.protocol, " dnat ", ip(family),
           " to numgen random mod ", count, " map { ", map, " }\n");
  }
  return script;
}

class StaleFlowsOfNftables
    : public StaleFlowsTest,
      public ::testing::WithParamInterface<std::tuple<KubeProxyShape, Family>> {
 protected:
  StaleFlowsOfNftables() : StaleFlowsTest{family(), nftables::spec()} {}

  [[nodiscard]] static KubeProxyShape release() { return std::get<0>(GetParam()); }
  [[nodiscard]] static Family family() { return std::get<1>(GetParam()); }

  void prepare(const Addresses& addresses) override {
    const std::string_view f = ip(family());
    const std::string table = concat(f, " kube-proxy");
    std::string script = concat("add table ", table, "\n");
    for (const std::string_view map : kMaps) {
      const bool by_port = map.ends_with("nodeports");
      append(script, "add map ", table, " ", map, " { type ",
             by_port ? "" : (family() == Family::ipv4 ? "ipv4_addr . " : "ipv6_addr . "),
             "inet_proto . inet_service : verdict; }\n");
    }
    append(script, "add chain ", table, " services\n");
    append(script, "add rule ", table, " services ", f,
           " daddr . meta l4proto . th dport vmap @service-ips\n");
    append(script, "add rule ", table,
           " services fib daddr type local meta l4proto . th dport vmap @service-nodeports\n");
    append(script, "add chain ", table, " nat-output { type nat hook output priority -100; }\n");
    append(script, "add rule ", table, " nat-output jump services\n");
    append(script, "add table ", f, " foreign\nadd chain ", f,
           " foreign out { type nat hook output priority -90; }\nadd rule ", f, " foreign out ", f,
           " daddr ", addresses.foreign, " udp dport ", kForeignPort, " dnat to ",
           bracketed(addresses.endpoints.back()), ":", kEndpointPort, "\n");
    test::must_run({"nft", "-f", "-"}, script);
  }

  void sync(const std::vector<TestService>& services,
            const std::vector<std::string>& gone) override {
    const std::string table = concat(ip(family()), " kube-proxy ");
    std::string script;
    std::string removals;
    for (const std::string_view map : kMaps) {
      append(script, "flush map ", table, map, "\n");
    }
    for (const TestService& service : services) {
      for (const std::string_view kind : {"service", "external"}) {
        const std::string chain = concat(table, chain_of(service, kind));
        append(script, "add chain ", chain, "\nflush chain ", chain, "\n");
      }
      append(script, "add rule ", table, chain_of(service, "external"), " goto ",
             chain_of(service, "service"), "\n");
      const bool empty = service.endpoints.empty();
      if (!empty) {
        script += choice(service, family(), release());
      }
      append(script, "add element ", table, empty ? "no-endpoint-services" : "service-ips", " { ",
             service.address, " . ", service.protocol, " . ", service.port, " : ",
             empty ? "drop" : concat("goto ", chain_of(service, "service")), " }\n");
      if (service.node_port != 0) {
        append(script, "add element ", table, empty ? "no-endpoint-nodeports" : "service-nodeports",
               " { ", service.protocol, " . ", service.node_port, " : ",
               empty ? "drop" : concat("goto ", chain_of(service, "external")), " }\n");
      }
      for (const std::string& endpoint : gone) {
        if (release() == KubeProxyShape::up_to_1_35) {
          append(removals, "delete chain ", table, endpoint_chain_of(service, endpoint), "\n");
        }
      }
    }
    test::must_run({"nft", "-f", "-"}, script + removals);
  }

  [[nodiscard]] Reference reference() const override {
    return reference_endpoints(
        test::must_run({"nft", "list", "table", std::string{ip(family())}, "kube-proxy"}));
  }

 private:
  static Reference reference_endpoints(const std::string& listing) {
    static const std::regex translation{R"(dnat to (\S+))"};
    static const std::regex chosen{R"(\d+ : (?:goto (\S+?)|(\S+) \. (\d+))(?=,| ))"};
    static const std::regex forwarded{R"(^\s*goto (service-\S+))"};
    static const std::regex element{
        R"((?:([0-9a-f.:]+) \. )?(udp|tcp) \. (\d+) : (?:goto ([^\s,]+)|drop))"};
    std::map<std::string, std::set<std::string>> endpoints;  // by chain; or chains that have them
    std::map<std::string, std::string> dispatches;           // chains, by Service
    std::string within;
    std::istringstream lines{listing};
    for (std::string line; std::getline(lines, line);) {
      std::smatch found;
      if (std::regex_search(line, found, std::regex{R"(^\s*(?:chain|map) (\S+) \{)"})) {
        within = found[1];
      } else if (std::ranges::find(kMaps, within) != kMaps.end()) {
        for (std::sregex_iterator at{line.begin(), line.end(), element}, end; at != end; ++at) {
          const std::string address = (*at)[1].matched ? (*at)[1].str() : "*";
          dispatches[concat((*at)[2].str(), " ", address, " ", (*at)[3].str())] = (*at)[4];
        }
      } else if (line.contains("numgen")) {
        const std::string map = line.substr(line.find("map {"));
        for (std::sregex_iterator at{map.begin(), map.end(), chosen}, end; at != end; ++at) {
          endpoints[within].insert((*at)[1].matched ? (*at)[1].str()
                                                    : concat((*at)[2].str(), " ", (*at)[3].str()));
        }
      } else if (std::regex_search(line, found, translation)) {
        endpoints[within].insert(host_and_port(found[1].str()));
      } else if (std::regex_search(line, found, forwarded)) {
        endpoints[within].insert(found[1]);
      }
    }
    Reference reference;
    for (const auto& [service, chain] : dispatches) {
      std::vector<std::string> rest{chain};
      std::set<std::string>& of = reference[service];
      while (!rest.empty()) {
        const std::string next = rest.back();
        rest.pop_back();
        if (next.contains(' ')) {
          of.insert(next);
        } else {
          rest.insert(rest.end(), endpoints[next].begin(), endpoints[next].end());
        }
      }
    }
    return reference;
  }
};

INSTANTIATE_TEST_SUITE_P(, StaleFlowsOfNftables,
                         ::testing::Combine(::testing::Values(KubeProxyShape::up_to_1_35,
                                                              KubeProxyShape::from_1_36),
                                            ::testing::ValuesIn(test::kFamilies)),
                         [](const auto& param) {
                           const bool old = std::get<0>(param.param) == KubeProxyShape::up_to_1_35;
                           return concat(old ? "up_to_1_35_" : "from_1_36_",
                                         label(std::get<1>(param.param)));
                         });

TEST_P(StaleFlowsOfNftables, AreThoseWhoseEndpointIsGone) {
  expect_those_whose_endpoint_is_gone();
}

TEST_P(StaleFlowsOfNftables, AreNotServedWhereNobodyTellsServices) {
  expect_nothing_where_nobody_tells_services();
}

}  // namespace
}  // namespace kubecliff::conntrack
