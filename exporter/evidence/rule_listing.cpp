#include "exporter/evidence/rule_listing.h"

#include <algorithm>
#include <array>

#include "collectors/iptables/chain_names.h"
#include "collectors/iptables/chain_record.h"
#include "collectors/iptables/reading.h"

namespace kubecliff::evidence {

void learn_object(std::string_view name, Names& names) {
  // Names of Services stand in those of kube-proxy's objects in nftables.
  const bool has_service = name.find('/') != std::string_view::npos;
  const bool known = iptables::built_in(name) != iptables::ChainKind::user ||
                     iptables::owner_of(name) != iptables::Owner::other ||
                     std::ranges::find(iptables::kTables, name) != iptables::kTables.end();
  if (has_service || !known) {
    names.add(name);
  }
}

}  // namespace kubecliff::evidence
