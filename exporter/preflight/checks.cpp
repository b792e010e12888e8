#include "exporter/preflight/checks.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "exporter/preflight/checklist.h"

namespace kubecliff::preflight {
namespace {

// Of the kinds of kubecliff_dataplane_conflict.
std::string words_for(std::string_view conflict) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kWords{
      {{"legacy_and_nft", "kube-proxy's rules are in both backends of iptables"},
       {"iptables_and_ipvs", "chains of Services stand beside IPVS's servers"},
       {"iptables_and_nftables", "chains of Services stand beside kube-proxy's own tables"},
       {"ipvs_and_nftables", "IPVS's servers stand beside kube-proxy's own tables"},
       {"kube_proxy_disagrees",
        "kube-proxy names a mode of which nothing carries connections here"},
       {"leftovers", "parts of a mode are left that carry nothing, or that nobody looks after"}}};
  const auto* known =
      std::ranges::find(kWords, conflict, &std::pair<std::string_view, std::string_view>::first);
  return std::string{known == kWords.end() ? "the signs of the mode contradict one another"
                                           : known->second};
}

void check_mode(Target target, const Facts& facts, Checks& checks) {
  if (!facts.mode) {
    add(checks, "mode", Outcome::unknown,
        "no mode is seen to carry connections, and not all of them could be looked for",
        "run as root, or with CAP_NET_ADMIN, in the node's network, with its /sys/fs/bpf");
  } else if (*facts.mode == name(target)) {
    add(checks, "mode", Outcome::note, "this node runs in " + *facts.mode + " mode already");
  } else if (*facts.mode == "none") {
    add(checks, "mode", Outcome::note, "nothing carries connections to Services on this node yet");
  } else {
    add(checks, "mode", Outcome::ok, *facts.mode);
  }
  for (const std::string& conflict : facts.conflicts) {
    add(checks, "conflict/" + conflict, Outcome::warning, words_for(conflict),
        conflict == "kube_proxy_disagrees"
            ? "see first why its rules are not there: its log, and "
              "kubecliff_kubeproxy_sync_age_seconds"
            : "clean up first: drain the node and reboot it, or run kube-proxy --cleanup");
  }
  if (facts.first_network_namespace == false) {
    add(checks, "network-namespace", Outcome::warning,
        "this is not the machine's own network: rules and servers seen here may be a pod's",
        "run with hostNetwork: true; where nodes are containers, all is well");
  }
}

}  // namespace

Checks run_checks(Target target, const Facts& facts) {
  Checks checks;
  check_mode(target, facts, checks);
  check_kernel(target, facts, checks);
  check_kube_proxy(target, facts, checks);
  check_features(target, facts, checks);
  check_dashboards(target, facts, checks);
  for (const std::string& what : facts.unread) {
    add(checks, "unread", Outcome::warning, what,
        "run as root, or with CAP_NET_ADMIN and hostPID: true, in the node's network");
  }
  return checks;
}

Verdict verdict_of(std::span<const Check> checks) {
  const auto has = [checks](Outcome outcome) {
    return std::ranges::find(checks, outcome, &Check::outcome) != checks.end();
  };
  if (has(Outcome::blocked)) {
    return Verdict::blocked;
  }
  return has(Outcome::unknown) ? Verdict::unknown : Verdict::ready;
}

}  // namespace kubecliff::preflight
