#include "collectors/dataplane/verdict.h"

#include <algorithm>

namespace kubecliff::dataplane {
namespace {

// Whether kube-proxy's word can mean this; it does not tell the backends of iptables apart.
bool means(KubeProxyWord word, Dataplane dataplane) {
  switch (word) {
    case KubeProxyWord::iptables:
      return dataplane == Dataplane::iptables_legacy || dataplane == Dataplane::iptables_nft;
    case KubeProxyWord::nftables:
      return dataplane == Dataplane::nftables;
    case KubeProxyWord::ipvs:
      return dataplane == Dataplane::ipvs;
    case KubeProxyWord::untold:
    case KubeProxyWord::unclear:
    case KubeProxyWord::silent:
    case KubeProxyWord::other:
      break;
  }
  return false;
}

// Of those that carry connections and that `admits` admits, the one with the most Services.
template <typename Admits>
std::optional<Dataplane> largest(const Evidence& evidence, Admits admits) {
  std::optional<Dataplane> found;
  for (const Dataplane dataplane : kDataplanes) {
    const Finding& finding = evidence.of(dataplane);
    if (finding.sign == Sign::carries && admits(dataplane) &&
        (!found || finding.services > evidence.of(*found).services)) {
      found = dataplane;
    }
  }
  return found;
}

std::optional<Dataplane> mode_of(const Evidence& evidence) {
  const auto named =
      largest(evidence, [&](Dataplane dataplane) { return means(evidence.kube_proxy, dataplane); });
  if (named) {
    return named;
  }
  // Cilium carries a part of the connections beside a kube-proxy too, and goes on while that is
  // down.
  const bool replaced = evidence.kube_proxy == KubeProxyWord::silent &&
                        evidence.ebpf_replaces_kube_proxy &&
                        evidence.of(Dataplane::ebpf).sign == Sign::carries;
  const auto rules =
      largest(evidence, [](Dataplane dataplane) { return dataplane != Dataplane::ebpf; });
  if (rules && !replaced) {
    return rules;
  }
  return largest(evidence, [](Dataplane dataplane) { return dataplane == Dataplane::ebpf; });
}

}  // namespace

std::string_view name(Conflict conflict) {
  constexpr std::array<std::string_view, kConflicts.size()> kNames{
      "legacy_and_nft",    "iptables_and_ipvs",    "iptables_and_nftables",
      "ipvs_and_nftables", "kube_proxy_disagrees", "leftovers"};
  return kNames[static_cast<std::size_t>(conflict)];
}

Verdict judge(const Evidence& evidence) {
  Verdict verdict{.mode = mode_of(evidence)};
  verdict.known =
      verdict.mode || std::ranges::none_of(evidence.findings, [](const Finding& finding) {
        return finding.sign == Sign::untold;
      });
  const auto there = [&](Dataplane dataplane) {
    return evidence.of(dataplane).sign >= Sign::remains;
  };
  const auto set = [&](Conflict conflict, bool holds) {
    verdict.conflicts[static_cast<std::size_t>(conflict)] = holds;
  };

  const bool legacy = there(Dataplane::iptables_legacy);
  const bool nft = there(Dataplane::iptables_nft);
  const bool nftables = there(Dataplane::nftables);
  const bool ipvs = there(Dataplane::ipvs);
  set(Conflict::legacy_and_nft, legacy && nft);
  set(Conflict::iptables_and_ipvs, (legacy || nft) && ipvs);
  set(Conflict::iptables_and_nftables, (legacy || nft) && nftables);
  set(Conflict::ipvs_and_nftables, ipvs && nftables);

  bool named = false;
  bool may_carry = false;
  bool dead = false;
  for (const Dataplane dataplane : kDataplanes) {
    const Sign sign = evidence.of(dataplane).sign;
    if (means(evidence.kube_proxy, dataplane)) {
      named = true;
      may_carry |= sign == Sign::carries || sign == Sign::untold;
    }
    dead |= sign == Sign::remains;
  }
  set(Conflict::kube_proxy_disagrees, named && !may_carry);

  const bool orphaned = verdict.mode == Dataplane::ebpf && (legacy || nft || nftables || ipvs);
  set(Conflict::leftovers, dead || orphaned);
  return verdict;
}

}  // namespace kubecliff::dataplane
