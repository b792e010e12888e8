#include "exporter/evidence/own_words.h"

#include <cstddef>
#include <string_view>

#include "collectors/conntrack/decode_flow.h"
#include "collectors/core/dataplane_signs.h"
#include "collectors/dataplane/verdict.h"
#include "collectors/iptables/chain_names.h"
#include "collectors/iptables/reading.h"
#include "exporter/alerting/alert.h"
#include "exporter/alerting/checks.h"

namespace kubecliff::evidence {
namespace {

// Those that stand in no table, or in one of the kernel's.
constexpr std::string_view kWords =
    // The report, modules.
    "size costs seconds cores min loaded built can be loaded not installed kernel unknown ok "
    // Devices and routes.
    "UP DOWN UNKNOWN NOTPRESENT LOWERLAYERDOWN TESTING DORMANT bond dummy geneve gre ip6gre ip6tnl "
    "ipip ipvlan macvlan sit team tun veth vlan vrf vti vxlan wireguard unspec unicast local "
    "broadcast anycast multicast blackhole unreachable prohibit throw nat xresolve other "
    // Rules.
    "accept drop return continue jump goto prerouting input forward output postrouting ingress "
    "egress comment conntrack addrtype limit mark multiport recent set statistic bitwise cmp "
    "counter ct dynset fib immediate log lookup masq match meta numgen payload queue range "
    "redir reject rt socket target vmap ";

}  // namespace

std::string own_words() {
  std::string words{kWords};
  const auto add = [&words](std::string_view word) { words.append(word).push_back(' '); };
  for (const std::string_view name : conntrack::kProtocolNames) {
    add(name);
  }
  for (const std::string_view name : conntrack::kStateNames) {
    add(name);
  }
  for (const std::string_view name : iptables::kTables) {
    add(name);
  }
  for (std::size_t i = 0; i < iptables::kBackendStates; ++i) {
    add(iptables::name(static_cast<iptables::BackendState>(i)));
  }
  for (std::size_t i = 0; i < iptables::kChainClasses; ++i) {
    add(iptables::name(static_cast<iptables::ChainClass>(i)));
  }
  for (std::size_t i = 0; i < iptables::kOwners; ++i) {
    add(iptables::name(static_cast<iptables::Owner>(i)));
  }
  for (const Dataplane dataplane : kDataplanes) {
    add(name(dataplane));
  }
  for (const dataplane::Conflict conflict : dataplane::kConflicts) {
    add(dataplane::name(conflict));
  }
  for (const Severity severity : kSeverities) {
    add(name(severity));
  }
  for (const Check& check : default_checks().all) {
    add(check.name);
    add(check.group);
    add(check.unit);
  }
  return words;
}

}  // namespace kubecliff::evidence
