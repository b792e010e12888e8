// House rules that every collector's spec keeps.
#include <linux/capability.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/collectors.h"
#include "exporter/alerting/delivery/notifier.h"
#include "exporter/alerting/metrics.h"
#include "exporter/config/setting_table.h"
#include "exporter/runner/self_metrics.h"
#include "exporter/sandbox/capabilities.h"

namespace kubecliff {
namespace {

using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::IsSubsetOf;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

// Classes all of them; a name of a Service, chain or address is none.
const std::vector<std::string_view> contract_labels{
    "backend", "check",    "class",     "collector", "command", "compiler", "device",
    "family",  "flow",     "hook",      "kind",      "mode",    "module",   "owner",
    "path",    "phase",    "protocol",  "query",     "reason",  "receiver", "resource",
    "result",  "revision", "scheduler", "server",    "set",     "setting",  "severity",
    "signal",  "state",    "table",     "target",    "vantage", "version"};

// The collector that a dotted one belongs to, which is also the folder of both.
std::string folder(const CollectorSpec& spec) {
  return std::string{spec.name.substr(0, spec.name.find('.'))};
}

// kube-proxy's own, under the names that kube-proxy gave them.
bool is_foreign(const FamilySpec& family) {
  return family.name.starts_with("kubeproxy_");
}

void lint(const FamilySpec& family, const std::string& subject) {
  SCOPED_TRACE(family.name);
  EXPECT_THAT(std::string{family.name}, MatchesRegex("[a-z][a-z0-9_]*[a-z0-9]"));
  // The subjects that have two, or a family that is named as they are.
  static const std::map<std::string, std::string> also{
      {"kubecliff_dataplane_", "kubecliff_kernel_"},
      {"kubecliff_ipvs_", "kubecliff_ipset_"},
      {"kubecliff_kubeproxy_", "kubecliff_ruleset_"},
      {"kubecliff_nic_", "kubecliff_tunnel_"},
      {"kubecliff_probe_", "kubecliff_dns_"},
      {"kubecliff_restore_", "kubecliff_xtables_lock_"},
      {"kubecliff_sockets_", "kubecliff_sockets"},
      {"kubecliff_traversal_", "kubecliff_walk_"}};
  const auto other = also.find(subject);
  EXPECT_THAT(
      std::string{family.name},
      AnyOf(StartsWith(subject), StartsWith(other == also.end() ? subject : other->second)));
  EXPECT_EQ(family.type == prometheus::MetricType::Counter, family.name.ends_with("_total"));
  EXPECT_GT(family.max_series, 0U);
  EXPECT_EQ(family.type == prometheus::MetricType::Histogram, !family.bounds.empty());
  EXPECT_TRUE(std::ranges::is_sorted(family.bounds));
  EXPECT_THAT(family.labels.names(), IsSubsetOf(contract_labels));

  ASSERT_FALSE(family.help.empty());
  EXPECT_TRUE(family.help.ends_with('.')) << family.help;
  EXPECT_FALSE(std::isspace(static_cast<unsigned char>(family.help.front()))) << family.help;
  EXPECT_EQ(family.help.find_first_of("\n|"), std::string_view::npos) << family.help;
  EXPECT_EQ(family.help.find("  "), std::string_view::npos) << family.help;
}

TEST(SpecLint, FamiliesKeepTheContract) {
  for (const CollectorSpec& spec : all_specs()) {
    for (const FamilySpec& family : spec.families) {
      if (!is_foreign(family)) {
        lint(family, "kubecliff_" + folder(spec) + "_");
      }
    }
  }
}

TEST(SpecLint, OwnFamiliesKeepTheContract) {
  for (const FamilySpec& family : self_families(1)) {
    lint(family, family.name.starts_with("process_") ? "process_" : "kubecliff_");
  }
  for (const FamilySpec& family : alerting_families()) {
    lint(family, "kubecliff_");
  }
  for (const FamilySpec& family : delivery::Notifier::families()) {
    lint(family, "kubecliff_");
  }
}

TEST(SpecLint, FamilyIsDeclaredOnce) {
  std::set<std::string_view> seen;
  const auto add = [&seen](std::span<const FamilySpec> families) {
    for (const FamilySpec& family : families) {
      // OpenMetrics names a counter without its `_total`.
      std::string_view name = family.name;
      name.remove_suffix(name.ends_with("_total") ? 6 : 0);
      EXPECT_TRUE(seen.insert(name).second) << family.name;
    }
  };
  const auto specs = all_specs();
  for (const CollectorSpec& spec : specs) {
    add(spec.families);
  }
  add(self_families(specs.size()));
  add(alerting_families());
  add(delivery::Notifier::families());
}

TEST(SpecLint, OptionsAreNamedAfterTheirFolderAndKeysAreUnique) {
  const auto specs = all_specs();
  for (const CollectorSpec& spec : specs) {
    for (const OptionSpec& option : spec.options) {
      EXPECT_THAT(std::string{option.name}, StartsWith(folder(spec) + "."));
      EXPECT_FALSE(option.help.empty()) << option.name;
    }
  }
  std::set<std::string> keys;
  for (const Setting& setting : setting_table(specs)) {
    EXPECT_TRUE(keys.insert(setting.key).second) << setting.key;
  }
}

TEST(SpecLint, CollectorsSayWhatTheyAre) {
  const auto specs = all_specs();
  for (const CollectorSpec& spec : specs) {
    EXPECT_THAT(std::string{spec.name}, MatchesRegex("[a-z]+([.][a-z]+)?"));
    EXPECT_FALSE(spec.summary.empty()) << spec.name;
    EXPECT_THAT(std::string{spec.summary}, Not(EndsWith("."))) << "--help and the docs end it";
    EXPECT_TRUE(spec.make) << spec.name;
    EXPECT_NE(std::ranges::find(specs, folder(spec), &CollectorSpec::name), specs.end())
        << spec.name << " belongs to a collector that there is not";
  }
}

// "CapabilityBoundingSet=CAP_NET_ADMIN CAP_SYS_PTRACE" of the systemd unit.
std::set<std::string> capabilities_of_the_unit() {
  std::ifstream unit{KUBECLIFF_SOURCE_DIR "/exporter/install/kubecliff.service.in"};
  constexpr std::string_view kKey = "CapabilityBoundingSet=";
  for (std::string line; std::getline(unit, line);) {
    if (line.starts_with(kKey)) {
      std::istringstream words{line.substr(kKey.size())};
      return {std::istream_iterator<std::string>{words}, {}};
    }
  }
  return {};
}

TEST(SpecLint, TheUnitGrantsWhatIsUsedAtTheDefaults) {
  std::set<std::string> used;
  for (const CollectorSpec& spec : collector_specs()) {
    for (const int capability : spec.capabilities) {
      // Cilium's maps show how full they are without it since Linux 5.19.
      if (spec.enabled == Default::on && capability != CAP_BPF) {
        std::string name = sandbox::names({&capability, 1});
        std::ranges::transform(name, name.begin(), [](unsigned char letter) {
          return static_cast<char>(std::toupper(letter));
        });
        used.insert("CAP_" + name);
      }
    }
  }
  EXPECT_EQ(capabilities_of_the_unit(), used);
}

}  // namespace
}  // namespace kubecliff
