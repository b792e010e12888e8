#include "collectors/collectors.h"

#include <algorithm>
#include <iterator>

#include "collectors/canary/canary.h"
#include "collectors/conntrack/conntrack.h"
#include "collectors/dataplane/dataplane.h"
#include "collectors/iptables/iptables.h"
#include "collectors/ipvs/ipvs.h"
#include "collectors/kubeproxy/kubeproxy.h"
#include "collectors/nftables/nftables.h"
#include "collectors/nic/nic.h"
#include "collectors/probe/probe.h"
#include "collectors/propagation/propagation.h"
#include "collectors/restore/restore.h"
#include "collectors/sockets/sockets.h"
#include "collectors/traversal/traversal.h"

namespace kubecliff {

std::vector<CollectorSpec> collector_specs() {
  return {iptables::spec(),
          nftables::spec(),
          ipvs::spec(),
          conntrack::spec(),
          conntrack::flows_spec(),
          restore::spec(),
          kubeproxy::spec(),
          dataplane::spec(),
          sockets::spec(),
          traversal::spec(),
          nic::spec(),
          propagation::spec(),
          probe::spec()};
}

std::vector<CollectorSpec> canary_specs() {
  return {canary::spec()};
}

std::vector<CollectorSpec> probe_specs() {
  std::vector<CollectorSpec> specs{probe::spec()};
  specs.front().enabled = Default::on;
  return specs;
}

std::vector<CollectorSpec> all_specs() {
  std::vector<CollectorSpec> all = collector_specs();
  std::ranges::move(canary_specs(), std::back_inserter(all));
  return all;
}

}  // namespace kubecliff
