#include "collectors/iptables/iptables.h"

#include <linux/capability.h>
#include <linux/netlink.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "collectors/iptables/legacy_reader.h"
#include "collectors/iptables/nft_reader.h"
#include "collectors/kernel/netlink_socket.h"

namespace kubecliff::iptables {
namespace {

using prometheus::MetricType;

constexpr FamilySpec kRules{
    .name = "kubecliff_iptables_rules",
    .help = "Rules in an iptables table, as iptables-save counts them (lines that begin with -A).",
    .labels = {"backend", "family", "table"},
    .max_series = 20};
constexpr FamilySpec kChains{.name = "kubecliff_iptables_chains",
                             .help =
                                 "Chains in an iptables table, built-in ones included where they "
                                 "exist: iptables-nft makes them as they are needed, though its "
                                 "iptables-save prints them all.",
                             .labels = {"backend", "family", "table"},
                             .max_series = 20};
constexpr FamilySpec kKubeChains{
    .name = "kubecliff_iptables_kube_chains",
    .help =
        "Chains by their role in kube-proxy's ruleset, told by their names, where a table can have "
        "many of a kind; foreign are all that do not begin with KUBE-.",
    .labels = {"backend", "family", "table", "class"},
    .max_series = 64};
constexpr FamilySpec kKubeRules{.name = "kubecliff_iptables_kube_rules",
                                .help = "Rules by the role of the chain they stand in.",
                                .labels = {"backend", "family", "table", "class"},
                                .max_series = 90};
constexpr FamilySpec kServices{
    .name = "kubecliff_iptables_services",
    .help =
        "Service ports with endpoints that the nat table dispatches; the cliff is felt from "
        "1,000 to 5,000.",
    .labels = {"backend", "family"},
    .max_series = 4};
constexpr FamilySpec kEndpoints{
    .name = "kubecliff_iptables_endpoints",
    .help = "Endpoints of Service ports: KUBE-SEP chains that hold rules.",
    .labels = {"backend", "family"},
    .max_series = 4};
constexpr FamilySpec kNodePorts{.name = "kubecliff_iptables_nodeports",
                                .help = "NodePorts that the nat table dispatches.",
                                .labels = {"backend", "family"},
                                .max_series = 4};
constexpr FamilySpec kNoEndpointRules{
    .name = "kubecliff_iptables_no_endpoint_rules",
    .help =
        "Rules that refuse traffic to Services without endpoints (REJECT and DROP of "
        "kube-proxy's filter chains).",
    .labels = {"backend", "family"},
    .max_series = 4};
constexpr FamilySpec kAffinityRules{
    .name = "kubecliff_iptables_affinity_rules",
    .help =
        "Rules that keep a client at its endpoint (session affinity ClientIP): one more to walk "
        "for each endpoint.",
    .labels = {"backend", "family"},
    .max_series = 4};
constexpr FamilySpec kMasqueradeRules{
    .name = "kubecliff_iptables_masquerade_rules",
    .help = "Rules of the nat table that masquerade, or mark for it.",
    .labels = {"backend", "family"},
    .max_series = 4};
constexpr FamilySpec kWorstCaseWalk{
    .name = "kubecliff_iptables_worst_case_walk_rules",
    .help =
        "Rules that a new flow passes at worst before kube-proxy has dispatched it: "
        "KUBE-SERVICES, the longest Service chain, and the endpoint's two.",
    .labels = {"backend", "family"},
    .max_series = 4};
constexpr FamilySpec kDuplicates{
    .name = "kubecliff_iptables_duplicate_rules",
    .help =
        "Rules that are equal to an earlier rule of their chain: walked for nothing, and a sign "
        "that something appends without looking.",
    .labels = {"backend", "family", "table"},
    .max_series = 20};
constexpr FamilySpec kUnbalanced{
    .name = "kubecliff_iptables_unbalanced_service_chains",
    .help =
        "Service chains whose probabilities do not give each endpoint the same share; always 0 "
        "in a ruleset that kube-proxy finished.",
    .labels = {"backend", "family", "table"},
    .max_series = 4};
constexpr FamilySpec kDangling{
    .name = "kubecliff_iptables_dangling_jumps",
    .help =
        "Jumps into Service chains from which no endpoint can be reached: connections through "
        "them go nowhere.",
    .labels = {"backend", "family", "table"},
    .max_series = 4};
constexpr FamilySpec kOwnerRules{
    .name = "kubecliff_iptables_owner_rules",
    .help =
        "Rules by the program that owns them, told by the chain's name and, in built-in chains, "
        "by the chain jumped to.",
    .labels = {"backend", "family", "table", "owner"},
    .max_series = 60};
constexpr FamilySpec kRulesBefore{
    .name = "kubecliff_iptables_rules_before_services",
    .help = "Rules in the nat hook that every new flow passes before it comes to kube-proxy's.",
    .labels = {"backend", "family", "hook"},
    .max_series = 8};
constexpr FamilySpec kNewFlows{
    .name = "kubecliff_iptables_new_flows_total",
    .type = MetricType::Counter,
    .help =
        "New flows that walked kube-proxy's rules, counted by the jumps to KUBE-SERVICES (legacy: "
        "as of the last time the table was read).",
    .labels = {"backend", "family", "hook"},
    .max_series = 8};
constexpr FamilySpec kBackendState{
    .name = "kubecliff_iptables_backend_state",
    .help =
        "The state the backend is in, always 1: rules, empty (tables without rules), no_table, "
        "not_loaded (kernel module), not_built (not in this kernel), denied (no permission).",
    .labels = {"backend", "family", "state"},
    .max_series = 4};
constexpr FamilySpec kTableBytes{
    .name = "kubecliff_iptables_table_bytes",
    .help = "Size of a legacy table in the kernel: every change of one rule copies all of it.",
    .labels = {"family", "table"},
    .max_series = 10};
constexpr FamilySpec kChanges{
    .name = "kubecliff_iptables_ruleset_changes_total",
    .type = MetricType::Counter,
    .help =
        "How often the rules were found to have changed; several changes between two looks "
        "count once.",
    .labels = {"backend", "family"},
    .max_series = 4};

constexpr std::string_view kFullInterval = "iptables.full-interval";

struct Source {
  std::string_view backend;
  AddressFamily family;
  const BackendReading& reading;
};

void add_nat(const Source& source, const TableReading& nat, Samples& out) {
  const auto add = [&](const FamilySpec& family, std::uint32_t value) {
    out.add(family, {source.backend, name(source.family)}, value);
  };
  add(kServices, nat.figures.services);
  add(kEndpoints, nat.figures.endpoints);
  add(kNodePorts, nat.figures.nodeports);
  add(kAffinityRules, nat.figures.affinity_rules);
  add(kMasqueradeRules, nat.figures.masquerade_rules);
  add(kWorstCaseWalk, nat.figures.worst_case_walk);
  out.add(kUnbalanced, {source.backend, name(source.family), nat.table},
          nat.figures.unbalanced_chains);
  out.add(kDangling, {source.backend, name(source.family), nat.table}, nat.figures.dangling_jumps);

  for (const BuiltInChain& chain : nat.built_in) {
    if (!chain.services_jump) {
      continue;
    }
    if (chain.kind == ChainKind::prerouting) {
      out.add(kRulesBefore, {source.backend, name(source.family), "prerouting"},
              *chain.services_jump);
    } else if (chain.kind == ChainKind::output) {
      out.add(kRulesBefore, {source.backend, name(source.family), "output"}, *chain.services_jump);
    }
  }
}

void add_table(const Source& source, const TableReading& table, Samples& out) {
  const TableFigures& figures = table.figures;
  const std::initializer_list<std::string_view> labels{source.backend, name(source.family),
                                                       table.table};
  out.add(kRules, labels, figures.rules);
  out.add(kChains, labels, figures.chains);
  out.add(kDuplicates, labels, figures.duplicates);
  if (table.bytes > 0) {
    out.add(kTableBytes, {name(source.family), table.table}, static_cast<double>(table.bytes));
  }
  for (std::size_t i = 0; i < kChainClasses; ++i) {
    if (figures.classes[i].chains > 0) {
      const std::string_view chain_class = name(static_cast<ChainClass>(i));
      if (can_be_many(static_cast<ChainClass>(i))) {
        out.add(kKubeChains, {source.backend, name(source.family), table.table, chain_class},
                figures.classes[i].chains);
      }
      out.add(kKubeRules, {source.backend, name(source.family), table.table, chain_class},
              figures.classes[i].rules);
    }
  }
  for (std::size_t i = 0; i < kOwners; ++i) {
    if (figures.owner_rules[i] > 0) {
      out.add(kOwnerRules,
              {source.backend, name(source.family), table.table, name(static_cast<Owner>(i))},
              figures.owner_rules[i]);
    }
  }
  if (table.table == "nat") {
    add_nat(source, table, out);
  } else if (table.table == "filter") {
    out.add(kNoEndpointRules, {source.backend, name(source.family)}, figures.refusals);
  }
}

void add_reading(const Source& source, Samples& out) {
  const BackendReading& reading = source.reading;
  if (!reading.state) {
    return;
  }
  out.add(kBackendState, {source.backend, name(source.family), name(*reading.state)}, 1);
  if (reading.state != BackendState::rules && reading.state != BackendState::empty) {
    return;
  }
  for (const TableReading& table : reading.tables) {
    add_table(source, table, out);
  }
  out.add(kChanges, {source.backend, name(source.family)}, static_cast<double>(reading.changes));
  const std::array<std::pair<std::string_view, const FlowTotal&>, 2> totals{
      {{"prerouting", reading.prerouting}, {"output", reading.output}}};
  for (const auto& [hook, total] : totals) {
    if (const auto value = total.value()) {
      out.add(kNewFlows, {source.backend, name(source.family), hook}, static_cast<double>(*value));
    }
  }
}

enum class Backend : std::uint8_t { legacy, nft };

// What the nat table says of kube-proxy's iptables mode. Its IPVS mode has KUBE-SERVICES too, leads
// to it, and lets the other mode's chains be; but it dispatches nothing there. In iptables mode
// there is always a Service that has endpoints: the cluster's own API.
Finding finding_of(const BackendReading& reading) {
  if (!reading.state || reading.state == BackendState::denied) {
    return {.sign = Sign::untold};
  }
  Finding finding{.sign = Sign::absent};
  for (const TableReading& table : reading.tables) {
    if (table.table != "nat") {
      continue;
    }
    const TableFigures& figures = table.figures;
    std::uint32_t chains = 0;
    for (std::size_t i = 0; i < kChainClasses; ++i) {
      const auto chain_class = static_cast<ChainClass>(i);
      if (is_per_service(chain_class) || chain_class == ChainClass::nodeports) {
        chains += figures.classes[i].chains;
      }
    }
    const bool led_to = std::ranges::any_of(
        table.built_in, [](const BuiltInChain& chain) { return chain.services_jump.has_value(); });
    if (chains > 0) {
      const bool carries = led_to && figures.services > 0;
      finding = {.sign = carries ? Sign::carries : Sign::remains, .services = figures.services};
    }
  }
  return finding;
}

// Of both address families: kube-proxy writes either with the same backend.
Finding finding_of(const BackendReading& ipv4, const BackendReading& ipv6) {
  const Finding first = finding_of(ipv4);
  const Finding second = finding_of(ipv6);
  Sign sign = std::max(first.sign, second.sign);
  if (sign == Sign::absent && (first.sign == Sign::untold || second.sign == Sign::untold)) {
    sign = Sign::untold;
  }
  return {.sign = sign, .services = first.services + second.services};
}

class IptablesCollector final : public Collector {
 public:
  explicit IptablesCollector(const CollectorContext& context)
      : legacy_ipv4_{AddressFamily::ipv4, context.procfs,
                     context.options.get<Duration>(kFullInterval), context.service_endpoints},
        legacy_ipv6_{AddressFamily::ipv6, context.procfs,
                     context.options.get<Duration>(kFullInterval), context.service_endpoints},
        nft_{netlink::kernel_transport(NETLINK_NETFILTER), context.procfs,
             context.options.get<Duration>(kFullInterval), context.service_endpoints},
        new_flows_{context.new_flows},
        signs_{context.dataplane_signs} {}

  Result<RefreshKind> refresh(Clock::time_point now, Samples& out) override;

 private:
  void add(Backend backend, AddressFamily family, const BackendReading& reading,
           Samples& out) const;

  LegacyReader legacy_ipv4_;
  LegacyReader legacy_ipv6_;
  NftReader nft_;
  std::shared_ptr<NewFlows> new_flows_;
  std::shared_ptr<DataplaneSigns> signs_;
};

void IptablesCollector::add(Backend backend, AddressFamily family, const BackendReading& reading,
                            Samples& out) const {
  constexpr std::array<std::string_view, NewFlows::kBackends> kNames{"legacy", "nft"};
  const auto index = static_cast<std::size_t>(backend);
  add_reading({kNames[index], family, reading}, out);
  const auto prerouting = reading.prerouting.value();
  const auto output = reading.output.value();
  if (prerouting || output) {
    new_flows_->tell(index, static_cast<std::size_t>(family),
                     prerouting.value_or(0) + output.value_or(0));
  }
}

Result<RefreshKind> IptablesCollector::refresh(Clock::time_point now, Samples& out) {
  RefreshKind kind = RefreshKind::unchanged;
  for (const Result<RefreshKind>& refreshed :
       {legacy_ipv4_.refresh(now), legacy_ipv6_.refresh(now), nft_.refresh(now)}) {
    if (refreshed) {
      kind = std::max(kind, *refreshed);
    } else {
      out.miss(refreshed.error());
    }
  }
  signs_->tell(Dataplane::iptables_legacy,
               finding_of(legacy_ipv4_.reading(), legacy_ipv6_.reading()), now);
  signs_->tell(Dataplane::iptables_nft,
               finding_of(nft_.reading(AddressFamily::ipv4), nft_.reading(AddressFamily::ipv6)),
               now);
  if (kind == RefreshKind::unchanged && out.misses().empty()) {
    return kind;
  }

  add(Backend::legacy, AddressFamily::ipv4, legacy_ipv4_.reading(), out);
  add(Backend::legacy, AddressFamily::ipv6, legacy_ipv6_.reading(), out);
  for (const AddressFamily family : kAddressFamilies) {
    add(Backend::nft, family, nft_.reading(family), out);
  }
  return kind;
}

}  // namespace

CollectorSpec spec() {
  return {
      .name = "iptables",
      .summary = "rules and chains of iptables, legacy and nft: how many, whose, how long the walk",
      .families = {kRules,         kChains,     kKubeChains,      kKubeRules,     kServices,
                   kEndpoints,     kNodePorts,  kNoEndpointRules, kAffinityRules, kMasqueradeRules,
                   kWorstCaseWalk, kDuplicates, kUnbalanced,      kDangling,      kOwnerRules,
                   kRulesBefore,   kNewFlows,   kBackendState,    kTableBytes,    kChanges},
      .options = {{.name = kFullInterval,
                   .default_value = Duration{std::chrono::minutes{10}},
                   .help =
                       "Longest time between two readings of every rule; changes that leave the "
                       "number of rules as it was show at the next one",
                   .least = 1}},
      .capabilities = {CAP_NET_ADMIN},
      .make = [](const CollectorContext& context) -> Result<std::unique_ptr<Collector>> {
        return std::make_unique<IptablesCollector>(context);
      },
  };
}

}  // namespace kubecliff::iptables
