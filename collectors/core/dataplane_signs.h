// DataplaneSigns: what each reader of the kernel, and kube-proxy itself, say of how this node takes
// connections to Services to their endpoints; told to the collector that concludes from it. Any
// thread may call anything.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kubecliff {

enum class Dataplane : std::uint8_t { iptables_legacy, iptables_nft, nftables, ipvs, ebpf };
inline constexpr std::array kDataplanes{Dataplane::iptables_legacy, Dataplane::iptables_nft,
                                        Dataplane::nftables, Dataplane::ipvs, Dataplane::ebpf};

// The value of the label `mode`.
constexpr std::string_view name(Dataplane dataplane) {
  constexpr std::array<std::string_view, kDataplanes.size()> kNames{
      "iptables-legacy", "iptables-nft", "nftables", "ipvs", "ebpf"};
  return kNames[static_cast<std::size_t>(dataplane)];
}

// How much of a dataplane is in the kernel.
enum class Sign : std::uint8_t {
  untold,  // nobody has looked yet, or nobody may
  absent,
  remains,  // parts that carry no traffic
  carries,  // connections go through it
};

struct Finding {
  Sign sign = Sign::untold;
  std::uint32_t services = 0;  // as its reader counts them: only their order of size means anything

  friend bool operator==(const Finding&, const Finding&) = default;
};

// What kube-proxy says of its mode.
enum class KubeProxyWord : std::uint8_t {
  untold,
  silent,  // there is no kube-proxy on this node
  iptables,
  nftables,
  ipvs,
  other,
};

class DataplaneSigns {
 public:
  void tell(Dataplane dataplane, Finding finding) {
    const auto packed =
        (std::uint64_t{finding.services} << 8U) | static_cast<std::uint64_t>(finding.sign);
    findings_[static_cast<std::size_t>(dataplane)].store(packed, std::memory_order_relaxed);
  }
  [[nodiscard]] Finding finding(Dataplane dataplane) const {
    const std::uint64_t packed =
        findings_[static_cast<std::size_t>(dataplane)].load(std::memory_order_relaxed);
    return {.sign = static_cast<Sign>(packed & 0xffU),
            .services = static_cast<std::uint32_t>(packed >> 8U)};
  }

  void tell(KubeProxyWord word) { word_.store(word, std::memory_order_relaxed); }
  [[nodiscard]] KubeProxyWord kube_proxy() const { return word_.load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<std::uint64_t>, kDataplanes.size()> findings_{};
  std::atomic<KubeProxyWord> word_{KubeProxyWord::untold};
};

}  // namespace kubecliff
