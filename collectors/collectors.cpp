#include "collectors/collectors.h"

#include "collectors/conntrack/conntrack.h"
#include "collectors/dataplane/dataplane.h"
#include "collectors/iptables/iptables.h"
#include "collectors/ipvs/ipvs.h"
#include "collectors/kubeproxy/kubeproxy.h"
#include "collectors/nftables/nftables.h"
#include "collectors/nic/nic.h"
#include "collectors/restore/restore.h"
#include "collectors/sockets/sockets.h"
#include "collectors/traversal/traversal.h"

namespace kubecliff {

std::vector<CollectorSpec> collector_specs() {
  return {iptables::spec(),        nftables::spec(),  ipvs::spec(),      conntrack::spec(),
          conntrack::flows_spec(), restore::spec(),   kubeproxy::spec(), dataplane::spec(),
          sockets::spec(),         traversal::spec(), nic::spec()};
}

}  // namespace kubecliff
