// What the signs of all dataplanes together mean. A pure function.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/core/dataplane_signs.h"

namespace kubecliff::dataplane {

// Where the signs contradict one another. Several can hold at once.
enum class Conflict : std::uint8_t {
  legacy_and_nft,  // kube-proxy's rules in both backends of iptables
  iptables_and_ipvs,
  iptables_and_nftables,
  ipvs_and_nftables,
  kube_proxy_disagrees,  // it names a mode of which the kernel has nothing that carries
  leftovers,             // parts of a mode that carry nothing, or that nobody looks after any more
};
inline constexpr std::array kConflicts{Conflict::legacy_and_nft,        Conflict::iptables_and_ipvs,
                                       Conflict::iptables_and_nftables, Conflict::ipvs_and_nftables,
                                       Conflict::kube_proxy_disagrees,  Conflict::leftovers};

// The value of the label `kind`.
[[nodiscard]] std::string_view name(Conflict conflict);

struct Evidence {
  std::array<Finding, kDataplanes.size()> findings{};
  KubeProxyWord kube_proxy = KubeProxyWord::untold;
  bool ebpf_replaces_kube_proxy = false;  // it was set up to do so

  [[nodiscard]] const Finding& of(Dataplane dataplane) const {
    return findings[static_cast<std::size_t>(dataplane)];
  }
};

struct Verdict {
  bool known = true;  // false: whatever carries connections, nobody who has looked has seen it
  std::optional<Dataplane> mode = {};  // nothing: there is none
  std::array<bool, kConflicts.size()> conflicts{};

  [[nodiscard]] bool has(Conflict conflict) const {
    return conflicts[static_cast<std::size_t>(conflict)];
  }

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// Of several modes that carry connections it is the one that kube-proxy names, else eBPF that was
// set up to replace it where no kube-proxy is left to look after its rules, else the one with the
// most Services: connections pass the rules of all of them, and new ones are added where the most
// are. What nobody has told is taken for absent only beside something that carries.
[[nodiscard]] Verdict judge(const Evidence& evidence);

}  // namespace kubecliff::dataplane
