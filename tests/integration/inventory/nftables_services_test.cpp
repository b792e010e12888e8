// Services by name in kube-proxy's nftables mode, judged by `nft -j list` on the same state.
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "collectors/inventory/services.h"
#include "tests/integration/inventory/seen_service.h"
#include "tests/support/must.h"
#include "tests/support/network_namespace.h"
#include "tests/support/nftables_ruleset.h"
#include "tests/support/run_tool.h"
#include "tests/support/text.h"

namespace kubecliff::inventory {
namespace {

using nlohmann::json;
using test::concat;
using test::Family;
using test::KubeProxyShape;
using test::must;
using test::NftablesRuleset;

std::string_view ip(Family family) {
  return family == Family::ipv4 ? "ip" : "ip6";
}

// "ns/name:port" of "service-HASH-ns/name/tcp/port".
std::string name_of(const std::string& chain) {
  const std::size_t start = chain.find('-', chain.find('-') + 1) + 1;
  const std::size_t slash = chain.find('/', start);
  const std::size_t end = chain.find('/', slash + 1);
  const std::size_t port = chain.find('/', end + 1) + 1;
  return concat(chain.substr(start, end - start), ":", chain.substr(port));
}

std::string at(const std::string& address, int port) {
  return concat(address.contains(':') ? concat("[", address, "]") : address, ":", port);
}

// Chains in what JSON holds, wherever that is.
void find_targets(const json& in, std::set<std::string>& targets) {
  if (in.is_object()) {
    for (const auto& [key, value] : in.items()) {
      if (key == "target") {
        targets.insert(value.get<std::string>());
      }
      find_targets(value, targets);
    }
  } else if (in.is_array()) {
    for (const json& one : in) {
      find_targets(one, targets);
    }
  }
}

// "address port" pairs that a rule of numgen maps to, and that a dnat names.
void find_backends(const json& in, std::set<std::string>& backends) {
  if (in.is_object()) {
    if (in.contains("dnat")) {
      const json& dnat = in["dnat"];
      if (dnat.contains("port")) {
        backends.insert(at(dnat["addr"].get<std::string>(), dnat["port"].get<int>()));
      } else {
        for (const json& pair : dnat["addr"]["map"]["data"]["set"]) {
          const json& to = pair[1]["concat"];
          backends.insert(at(to[0].get<std::string>(), to[1].get<int>()));
        }
      }
    }
  } else if (in.is_array()) {
    for (const json& one : in) {
      find_backends(one, backends);
    }
  }
}

struct ListedChain {
  std::uint64_t rules = 0;
  std::set<std::string> targets;
  std::set<std::string> backends;
  bool affinity = false;
};

SeenServices listed_services(Family family) {
  const json listed = json::parse(
      test::must_run({"nft", "-j", "list", "table", std::string{ip(family)}, "kube-proxy"}));
  std::map<std::string, ListedChain> chains;
  SeenServices services;
  for (const json& object : listed["nftables"]) {
    if (object.contains("rule")) {
      const json& rule = object["rule"];
      ListedChain& chain = chains[rule["chain"].get<std::string>()];
      ++chain.rules;
      find_targets(rule["expr"], chain.targets);
      find_backends(rule["expr"], chain.backends);
      chain.affinity |= rule["expr"].dump().contains("\"@affinity-");
    }
  }
  for (const json& object : listed["nftables"]) {
    if (!object.contains("map") || !object["map"].contains("elem")) {
      continue;
    }
    const std::string map = object["map"]["name"].get<std::string>();
    for (const json& pair : object["map"]["elem"]) {
      const bool commented = pair[0].contains("elem");
      const json& key = (commented ? pair[0]["elem"]["val"] : pair[0])["concat"];
      std::set<std::string> targets;
      find_targets(pair[1], targets);
      const std::string chain = targets.empty() ? "" : *targets.begin();
      const bool refused = map.starts_with("no-endpoint-");
      const std::string name =
          refused ? pair[0]["elem"]["comment"].get<std::string>() : name_of(chain);
      SeenService& service = services[name];
      ++service.rules;
      const bool by_port = key.size() == 2;
      service.protocol = key[by_port ? 0 : 1].get<std::string>();
      if (map != "firewall-ips") {
        const int port = key[by_port ? 1 : 2].get<int>();
        service.addresses.insert(by_port ? concat("*:", port)
                                         : at(key[0].get<std::string>(), port));
      }
    }
  }
  for (const auto& [chain, found] : chains) {
    const bool chooses = chain.starts_with("service-") || chain.starts_with("local-");
    if (!chain.contains('/') || chain.starts_with("endpoint-")) {
      continue;
    }
    SeenService& service = services[name_of(chain)];
    service.rules += found.rules;
    if (chooses) {
      service.affinity |= found.affinity;
      for (const std::string& backend : found.backends) {
        service.endpoints[backend] = 0;
      }
      for (const std::string& target : found.targets) {
        for (const std::string& backend : chains[target].backends) {
          if (service.endpoints.emplace(backend, 0).second) {
            service.rules += chains[target].rules;
          }
        }
      }
    }
  }
  return services;
}

class NftablesServices : public test::NetworkNamespaceTest,
                         public ::testing::WithParamInterface<std::tuple<KubeProxyShape, Family>> {
 protected:
  [[nodiscard]] static KubeProxyShape release() { return std::get<0>(GetParam()); }
  [[nodiscard]] static Family family() { return std::get<1>(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(, NftablesServices,
                         ::testing::Combine(::testing::Values(KubeProxyShape::up_to_1_35,
                                                              KubeProxyShape::from_1_36),
                                            ::testing::ValuesIn(test::kFamilies)),
                         [](const auto& param) {
                           return concat(std::get<0>(param.param) == KubeProxyShape::up_to_1_35
                                             ? "up_to_1_35_"
                                             : "from_1_36_",
                                         test::label(std::get<1>(param.param)));
                         });

TEST_P(NftablesServices, AreAsListed) {
  NftablesRuleset ruleset{test::varied(60, 4, family()), release()};
  must(test::nft({"-f", "-"}, ruleset.script()));
  const SeenServices expected = listed_services(family());
  ASSERT_EQ(expected.size(), 60U) << testing::PrintToString(expected);
  EXPECT_THAT(seen(must(read_services({})), Dataplane::nftables, family()),
              ::testing::ContainerEq(expected));

  must(test::nft({"-f", "-"}, ruleset.add_service()));
  must(test::nft({"-f", "-"}, ruleset.scale_service(1, 7)));
  must(test::nft({"-f", "-"}, ruleset.remove_service(3)));
  EXPECT_THAT(seen(must(read_services({})), Dataplane::nftables, family()),
              ::testing::ContainerEq(listed_services(family())));
}

TEST_P(NftablesServices, OfAnEmptyTableAreNone) {
  must(test::nft({"-f", "-"}, NftablesRuleset{test::plain(0, 0, family()), release()}.script()));
  EXPECT_TRUE(seen(must(read_services({})), Dataplane::nftables, family()).empty());
}

}  // namespace
}  // namespace kubecliff::inventory
