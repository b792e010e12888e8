#include "collectors/nftables/nftables.h"

#include <linux/capability.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "collectors/kernel/address_family.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/nftables/table_reader.h"

namespace kubecliff::nftables {
namespace {

constexpr std::size_t kTables = 2;

constexpr FamilySpec kRules{
    .name = "kubecliff_nftables_rules",
    .help =
        "Rules in a table of kube-proxy's nftables mode; at most 15 s behind the other figures "
        "while the table changes.",
    .labels = {"family", "table"},
    .max_series = kTables};
constexpr FamilySpec kChains{.name = "kubecliff_nftables_chains",
                             .help = "Chains in a table of kube-proxy's nftables mode.",
                             .labels = {"family", "table"},
                             .max_series = kTables};
constexpr FamilySpec kSets{
    .name = "kubecliff_nftables_sets",
    .help =
        "Sets with a name in a table of kube-proxy's nftables mode; those of Services with "
        "session affinity, one for each endpoint, among them.",
    .labels = {"family", "table"},
    .max_series = kTables};
constexpr FamilySpec kMaps{.name = "kubecliff_nftables_maps",
                           .help = "Maps with a name in a table of kube-proxy's nftables mode.",
                           .labels = {"family", "table"},
                           .max_series = kTables};
constexpr FamilySpec kElements{
    .name = "kubecliff_nftables_elements",
    .help =
        "Elements of a set or map of kube-proxy's nftables mode, such as the addresses and "
        "ports of all Services in service-ips.",
    .labels = {"family", "table", "set"},
    .max_series = kTables * kFixedSets.size()};
constexpr FamilySpec kServices{
    .name = "kubecliff_nftables_services",
    .help = "Ports of Services that have endpoints, as kube-proxy's nftables mode programmed them.",
    .labels = {"family"},
    .max_series = kTables};
constexpr FamilySpec kEndpoints{
    .name = "kubecliff_nftables_endpoints",
    .help = "Endpoints of those ports of Services, each counted for each port.",
    .labels = {"family"},
    .max_series = kTables};
constexpr FamilySpec kGeneration{
    .name = "kubecliff_nftables_generation",
    .help =
        "Generation of this node's nftables ruleset: every commit adds one, be it by "
        "kube-proxy, iptables-nft or anybody else."};

void add_figures(AddressFamily family, const Figures& figures, Samples& out) {
  const std::initializer_list<std::string_view> labels{name(family), kTable};
  out.add(kRules, labels, figures.rules);
  out.add(kChains, labels, figures.chains);
  out.add(kSets, labels, figures.sets);
  out.add(kMaps, labels, figures.maps);
  for (std::size_t i = 0; i < kFixedSets.size(); ++i) {
    if (figures.elements[i]) {
      out.add(kElements, {name(family), kTable, kFixedSets[i]}, *figures.elements[i]);
    }
  }
  out.add(kServices, {name(family)}, figures.services);
  out.add(kEndpoints, {name(family)}, figures.endpoints);
}

class NftablesCollector final : public Collector {
 public:
  explicit NftablesCollector(const CollectorContext& context)
      : reader_{netlink::kernel_transport(NETLINK_NETFILTER), context.procfs,
                context.service_endpoints},
        signs_{context.dataplane_signs} {}

  Result<RefreshKind> refresh(Clock::time_point now, Samples& out) override {
    const Result<RefreshKind> refreshed = reader_.refresh(now);
    if (refreshed) {
      tell(now);
    }
    if (!refreshed || *refreshed == RefreshKind::unchanged) {
      return refreshed;
    }
    for (const AddressFamily family : kAddressFamilies) {
      if (const std::optional<Figures>& figures = reader_.figures(family)) {
        add_figures(family, *figures, out);
      }
    }
    if (const auto generation = reader_.generation()) {
      out.add(kGeneration, *generation);
    }
    return refreshed;
  }

 private:
  void tell(Clock::time_point now) const {
    Finding finding{.sign = Sign::absent};
    for (const AddressFamily family : kAddressFamilies) {
      if (const std::optional<Figures>& figures = reader_.figures(family)) {
        // Nothing leads into a table without a chain.
        finding.sign = std::max(finding.sign, figures->chains > 0 ? Sign::carries : Sign::remains);
        finding.services += figures->services;
      }
    }
    signs_->tell(Dataplane::nftables, finding, now);
  }

  TableReader reader_;
  std::shared_ptr<DataplaneSigns> signs_;
};

}  // namespace

CollectorSpec spec() {
  return {
      .name = "nftables",
      .summary = "kube-proxy's nftables mode: rules, chains, sets, elements, Services, endpoints",
      .families = {kRules, kChains, kSets, kMaps, kElements, kServices, kEndpoints, kGeneration},
      .options = {},
      .capabilities = {CAP_NET_ADMIN},
      .make = [](const CollectorContext& context) -> Result<std::unique_ptr<Collector>> {
        return std::make_unique<NftablesCollector>(context);
      },
  };
}

}  // namespace kubecliff::nftables
