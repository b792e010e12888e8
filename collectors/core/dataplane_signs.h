// DataplaneSigns: what each reader of the kernel, and kube-proxy itself, say of how this node takes
// connections to Services to their endpoints; told with every refresh to the collector that
// concludes from it. Any thread may call anything.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
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
  untold,  // nobody has looked lately, or nobody may
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
  untold,   // nobody has asked lately
  unclear,  // it does not answer, or cannot be seen
  silent,   // there is no kube-proxy on this node
  iptables,
  nftables,
  ipvs,
  other,
};

class DataplaneSigns {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // What is not told again for so long is forgotten: its collector fails, or was turned off.
  static constexpr std::chrono::minutes kForgetAfter{5};

  void tell(Dataplane dataplane, Finding finding, Time now) {
    const std::uint64_t services = std::min(finding.services, kMostServices);
    slot(dataplane).store(pack(static_cast<std::uint8_t>(finding.sign), services, now),
                          std::memory_order_relaxed);
  }
  [[nodiscard]] Finding finding(Dataplane dataplane, Time now) const {
    const std::uint64_t packed = unless_old(
        findings_[static_cast<std::size_t>(dataplane)].load(std::memory_order_relaxed), now);
    return {.sign = static_cast<Sign>(packed & 0xffU),
            .services = static_cast<std::uint32_t>((packed >> 8U) & kMostServices)};
  }

  void tell(KubeProxyWord word, Time now) {
    word_.store(pack(static_cast<std::uint8_t>(word), 0, now), std::memory_order_relaxed);
  }
  [[nodiscard]] KubeProxyWord kube_proxy(Time now) const {
    const std::uint64_t packed = unless_old(word_.load(std::memory_order_relaxed), now);
    return static_cast<KubeProxyWord>(packed & 0xffU);
  }

 private:
  // 8 bits of what is told, 24 of Services, 32 of seconds.
  static constexpr std::uint32_t kMostServices = 0xffffffU;

  static std::uint32_t seconds_of(Time time) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
  }
  static std::uint64_t pack(std::uint8_t told, std::uint64_t services, Time now) {
    return told | (services << 8U) | (std::uint64_t{seconds_of(now)} << 32U);
  }
  // 0, which is untold, for what is too old.
  static std::uint64_t unless_old(std::uint64_t packed, Time now) {
    const std::uint32_t age = seconds_of(now) - static_cast<std::uint32_t>(packed >> 32U);
    constexpr std::uint32_t kMostSeconds = std::chrono::seconds{kForgetAfter}.count();
    // Told later than `now` by another thread's clock: not old.
    constexpr std::uint32_t kFuture = 1U << 31U;
    return age > kMostSeconds && age < kFuture ? 0 : packed;
  }
  std::atomic<std::uint64_t>& slot(Dataplane dataplane) {
    return findings_[static_cast<std::size_t>(dataplane)];
  }

  std::array<std::atomic<std::uint64_t>, kDataplanes.size()> findings_{};
  std::atomic<std::uint64_t> word_{0};
};

}  // namespace kubecliff
