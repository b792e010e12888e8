// The nftables collector against the real kernel, judged by `nft list` on the same state.
#include "collectors/nftables/nftables.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/figures.h"
#include "tests/support/network_namespace.h"
#include "tests/support/nft_list.h"
#include "tests/support/nftables_ruleset.h"
#include "tests/support/result_matchers.h"
#include "tests/support/run_tool.h"
#include "tests/support/served_collector.h"
#include "tests/support/service_keys.h"
#include "tests/support/text.h"

namespace kubecliff::nftables {
namespace {

using test::concat;
using test::Family;
using test::Figures;
using test::has_value;
using test::KubeProxyShape;
using test::label;
using test::NftablesFigures;
using test::NftablesRuleset;
using test::plain;
using test::varied;
using testing::IsEmpty;

using namespace std::chrono_literals;

// Later than the chains of the pass before are good for.
constexpr Duration kChainsAreDue = 15s;

// A collector and what it serves; nothing may be left out.
class Served : public test::ServedCollector {
 public:
  Served() : ServedCollector{spec(), "kubecliff_nftables_"} {}

  RefreshKind refresh(Duration later = 1s) {
    const RefreshKind kind = ServedCollector::refresh(later);
    EXPECT_THAT(misses(), IsEmpty());
    return kind;
  }
  // But for the generation.
  [[nodiscard]] Figures figures() const {
    Figures figures = ServedCollector::figures();
    figures.erase("generation");
    return figures;
  }
  [[nodiscard]] double generation() const { return ServedCollector::figures().at("generation"); }
};

Figures as_served(const NftablesFigures& figures, Family family) {
  const std::string f{label(family)};
  const std::string table = concat("{", f, ",kube-proxy}");
  const auto number = [](auto value) { return static_cast<double>(value); };
  Figures served{{"rules" + table, number(figures.rules)},
                 {"chains" + table, number(figures.chains)},
                 {"sets" + table, number(figures.sets)},
                 {"maps" + table, number(figures.maps)},
                 {concat("services{", f, "}"), number(figures.services)},
                 {concat("endpoints{", f, "}"), number(figures.endpoints)}};
  for (const auto& [set, elements] : figures.elements) {
    served[concat("elements{", f, ",kube-proxy,", set, "}")] = number(elements);
  }
  return served;
}

Figures listed(Family family) {
  const auto figures = test::list_nftables(family);
  EXPECT_THAT(figures, has_value());
  return as_served(figures.value_or(NftablesFigures{}), family);
}

// Without what is only read together with chains.
Figures without_rules(Figures figures) {
  std::erase_if(figures, [](const auto& figure) { return figure.first.starts_with("rules"); });
  return figures;
}

void load(const std::string& script) {
  const auto run = test::nft({"-f", "-"}, script);
  ASSERT_TRUE(run) << run.error().message.substr(0, 2'000);
}

class Nftables : public test::NetworkNamespaceTest {};

class NftablesShape : public test::NetworkNamespaceTest,
                      public testing::WithParamInterface<std::tuple<KubeProxyShape, Family>> {
 protected:
  static KubeProxyShape release() { return std::get<KubeProxyShape>(GetParam()); }
  static Family family() { return std::get<Family>(GetParam()); }
  static NftablesRuleset make_varied(int services) {
    return NftablesRuleset{varied(services, 3, family()), release()};
  }
};

INSTANTIATE_TEST_SUITE_P(
    , NftablesShape,
    testing::Combine(testing::Values(KubeProxyShape::up_to_1_35, KubeProxyShape::from_1_36),
                     testing::ValuesIn(test::kFamilies)),
    [](const testing::TestParamInfo<NftablesShape::ParamType>& each) {
      const bool old = std::get<KubeProxyShape>(each.param) == KubeProxyShape::up_to_1_35;
      return concat(old ? "up_to_1_35_" : "from_1_36_", label(std::get<Family>(each.param)));
    });

TEST_P(NftablesShape, CountsAsNftDoes) {
  for (const int services : {0, 1, 120}) {
    for (const test::RulesetShape& shape :
         {plain(services, 5, family()), varied(services, 3, family())}) {
      SCOPED_TRACE(services);
      const NftablesRuleset ruleset{shape, release()};
      load(ruleset.script());
      Served served;
      EXPECT_EQ(served.refresh(), RefreshKind::full);
      EXPECT_EQ(served.figures(), listed(family()));
      EXPECT_EQ(served.figures(), as_served(ruleset.expected(), family()));
    }
  }
}

TEST_P(NftablesShape, FollowsServicesThatComeGoAndGrow) {
  NftablesRuleset ruleset = make_varied(20);
  load(ruleset.script());
  Served served;
  EXPECT_EQ(served.refresh(), RefreshKind::full);
  const auto follows = [&] {
    EXPECT_NE(served.refresh(kChainsAreDue), RefreshKind::unchanged);
    EXPECT_EQ(served.figures(), listed(family()));
    EXPECT_EQ(served.refresh(), RefreshKind::unchanged);
  };
  for (int i = 0; i < 7; ++i) {
    load(ruleset.add_service());
    follows();
  }
  for (const std::size_t index : {0U, 7U, 7U, 20U}) {
    load(ruleset.remove_service(index));
    follows();
  }
  for (std::size_t index = 0; index < ruleset.services().size(); index += 3) {
    load(ruleset.scale_service(index, static_cast<int>(index % 5)));
    follows();
  }
  load(ruleset.script());  // the table made anew
  follows();
}

TEST_P(NftablesShape, TellsServicesAndTheirEndpoints) {
  NftablesRuleset ruleset = make_varied(60);
  load(ruleset.script());
  const auto endpoints = std::make_shared<ServiceEndpoints>();
  test::ServedCollector served{
      spec(), "kubecliff_nftables_", {.options = {}, .service_endpoints = endpoints}};
  const auto expect_told = [&] {
    test::expect_told(*endpoints, ServiceEndpoints::Source::nftables, ruleset.services(), family());
  };
  const auto told = [&] {
    return endpoints->all()[ServiceEndpoints::index(ServiceEndpoints::Source::nftables,
                                                    family() == Family::ipv4 ? 0U : 1U)];
  };
  served.refresh();
  expect_told();
  const ServiceEndpoints::Told first = told();
  EXPECT_EQ(served.refresh(), RefreshKind::unchanged);
  EXPECT_EQ(told().set, first.set);
  EXPECT_GT(told().ticket, first.ticket);

  for (const std::string& change :
       {ruleset.add_service(), ruleset.remove_service(7), ruleset.remove_service(30)}) {
    load(change);
  }
  for (std::size_t index = 0; index < ruleset.services().size(); index += 3) {
    load(ruleset.scale_service(index, static_cast<int>(index % 5)));
  }
  // Not before chains are due; that it is still right is not said meanwhile.
  const ServiceEndpoints::Told before = told();
  EXPECT_EQ(served.refresh(), RefreshKind::incremental);
  EXPECT_EQ(told().set, before.set);
  EXPECT_EQ(told().ticket, before.ticket);
  EXPECT_GT(told().looked_at, before.looked_at);
  served.refresh(kChainsAreDue);
  expect_told();

  load(ruleset.script());  // the table made anew
  served.refresh(kChainsAreDue);
  expect_told();
  load(concat("delete table ", family() == Family::ipv4 ? "ip" : "ip6", " kube-proxy\n"));
  served.refresh(kChainsAreDue);
  EXPECT_EQ(told().set, nullptr);
}

// The kernel takes long to find one of many maps, so they are not all read at once.
TEST_F(Nftables, OfManyServicesTellsMoreWithEveryLook) {
  constexpr int kServices = 1'500;
  const NftablesRuleset ruleset{plain(kServices, 1, Family::ipv4), KubeProxyShape::from_1_36};
  load(ruleset.script());
  const auto endpoints = std::make_shared<ServiceEndpoints>();
  test::ServedCollector served{
      spec(), "kubecliff_nftables_", {.options = {}, .service_endpoints = endpoints}};
  const auto services = [&] {
    return endpoints->all()[ServiceEndpoints::index(ServiceEndpoints::Source::nftables, 0)]
        .set->services();
  };
  served.refresh();
  std::size_t before = 0;
  int looks = 1;
  for (; before < services() && services() < kServices; ++looks) {
    before = services();
    EXPECT_EQ(served.refresh(), RefreshKind::unchanged);
  }
  EXPECT_GT(looks, 2);
  test::expect_told(*endpoints, ServiceEndpoints::Source::nftables, ruleset.services(),
                    Family::ipv4);
}

// Before chains are due again, everything but the rules is right as soon as endpoints change, those
// of Services with external traffic policy Local too.
TEST_P(NftablesShape, FollowsEndpointsAtOnce) {
  NftablesRuleset ruleset = make_varied(40);
  load(ruleset.script());
  Served served;
  served.refresh();
  for (std::size_t index = 0; index < ruleset.services().size(); ++index) {
    const int endpoints = ruleset.services()[index].endpoints;
    if (endpoints == 0) {
      continue;
    }
    SCOPED_TRACE(index);
    load(ruleset.scale_service(index, endpoints + 1));
    EXPECT_EQ(served.refresh(10ms), RefreshKind::incremental);
    EXPECT_EQ(without_rules(served.figures()), without_rules(listed(family())));
  }
  EXPECT_EQ(served.refresh(kChainsAreDue), RefreshKind::incremental);
  EXPECT_EQ(served.figures(), listed(family()));
}

TEST_F(Nftables, ServesBothFamiliesAndNothingOfOtherTables) {
  const NftablesRuleset ipv4{varied(13, 3, Family::ipv4), KubeProxyShape::from_1_36};
  const NftablesRuleset ipv6{varied(26, 2, Family::ipv6), KubeProxyShape::from_1_36};
  load(
      "add table inet kube-proxy\nadd chain inet kube-proxy service-other\n"
      "add table ip other\nadd chain ip other service-other\n"
      "add rule ip other service-other numgen random mod 2 vmap { 0 : accept, 1 : drop }\n");
  Served served;
  served.refresh();
  EXPECT_THAT(served.figures(), IsEmpty());

  load(ipv4.script() + ipv6.script());
  served.refresh();
  Figures both = as_served(ipv4.expected(), Family::ipv4);
  both.merge(as_served(ipv6.expected(), Family::ipv6));
  EXPECT_EQ(served.figures(), both);

  load("delete table ip kube-proxy\n");
  served.refresh();
  EXPECT_EQ(served.figures(), listed(Family::ipv6));
}

// A kernel that does not count elements: run in the emulated one. What only elements and rules tell
// follows when those are due.
class NftablesWithoutCounts : public test::NetworkNamespaceTest {};

TEST_F(NftablesWithoutCounts, FollowsElementsTogetherWithRules) {
  NftablesRuleset ruleset{plain(10, 2, Family::ipv4), KubeProxyShape::from_1_36};
  load(ruleset.script());
  Served served;
  served.refresh();
  const Figures before = served.figures();
  EXPECT_EQ(before, listed(Family::ipv4));

  load(ruleset.add_service());
  served.refresh(10ms);
  EXPECT_EQ(served.figures().at("services{ipv4}"), 11);
  EXPECT_EQ(served.figures().at("chains{ipv4,kube-proxy}"),
            before.at("chains{ipv4,kube-proxy}") + 1);
  for (const std::string figure : {"endpoints{ipv4}", "elements{ipv4,kube-proxy,service-ips}"}) {
    EXPECT_EQ(served.figures().at(figure), before.at(figure)) << figure;
  }
  served.refresh(kChainsAreDue);
  EXPECT_EQ(served.figures(), listed(Family::ipv4));
}

TEST_F(Nftables, TellsEveryCommit) {
  Served served;
  served.refresh();
  const double before = served.generation();
  load("add table ip other\n");
  EXPECT_EQ(served.refresh(), RefreshKind::incremental);
  EXPECT_EQ(served.generation(), before + 1);
  EXPECT_EQ(served.refresh(), RefreshKind::unchanged);
}

// Objects with a name are in the number by which chains are told.
TEST_F(Nftables, CountsNamedCountersAsNothing) {
  NftablesRuleset ruleset{varied(13, 3, Family::ipv4), KubeProxyShape::from_1_36};
  load(ruleset.script() + "add counter ip kube-proxy localhost-nodeport-packets\n");
  Served served;
  served.refresh();
  EXPECT_EQ(served.figures(), as_served(ruleset.expected(), Family::ipv4));
  load(ruleset.add_service());
  served.refresh();
  EXPECT_EQ(without_rules(served.figures()), without_rules(listed(Family::ipv4)));

  // A new table begins anew, at once.
  load(ruleset.script());
  served.refresh(10ms);
  EXPECT_EQ(served.figures(), listed(Family::ipv4));
}

// While a transaction is being prepared, numbers of users and elements already move: what is served
// must be that of before or of after all the same.
TEST_F(Nftables, NeverServesHalfATransaction) {
  constexpr int kFew = 100;
  constexpr int kMore = 100;
  NftablesRuleset ruleset{plain(kFew, 3, Family::ipv4), KubeProxyShape::up_to_1_35};
  load(ruleset.script());
  const Figures few = as_served(ruleset.expected(), Family::ipv4);
  std::string grow;
  for (int i = 0; i < kMore; ++i) {
    grow += ruleset.add_service();
  }
  const Figures many = as_served(ruleset.expected(), Family::ipv4);
  std::string shrink;
  for (int i = 0; i < kMore; ++i) {
    shrink += ruleset.remove_service(kFew);
  }

  std::atomic<bool> done = false;
  const std::jthread writer{[&] {
    for (int i = 0; i < 20; ++i) {
      load(grow);
      load(shrink);
    }
    done = true;
  }};
  Served served;
  int read = 0;
  while (!done) {
    try {
      served.refresh(kChainsAreDue);
    } catch (const std::runtime_error&) {
      continue;  // torn too often: nothing new is served
    }
    ++read;
    EXPECT_TRUE(served.figures() == few || served.figures() == many)
        << testing::PrintToString(served.figures());
  }
  EXPECT_GT(read, 10);
}

}  // namespace
}  // namespace kubecliff::nftables
