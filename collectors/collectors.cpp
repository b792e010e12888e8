#include "collectors/collectors.h"

#include "collectors/conntrack/conntrack.h"
#include "collectors/iptables/iptables.h"
#include "collectors/traversal/traversal.h"

namespace kubecliff {

std::vector<CollectorSpec> collector_specs() {
  return {iptables::spec(), conntrack::spec(), conntrack::flows_spec(), traversal::spec()};
}

}  // namespace kubecliff
