// Bursts: when kube-proxy was at work on the ruleset, told from its CPU time and from the ruleset's
// generation.
//
// From Kubernetes 1.37 on, kube-proxy writes nftables over netlink itself: no process begins and
// ends that could be timed. The kernel prepares and commits a transaction in the context of who
// asks for it, so the time shows as CPU time of kube-proxy. Where a child does the work (nft,
// iptables-restore), the restore collector times that instead, and nothing is counted here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "collectors/core/collector.h"

namespace kubecliff::kubeproxy {

class Bursts {
 public:
  // What kube-proxy and the ruleset look like at one moment.
  struct Look {
    Clock::time_point at;
    std::chrono::nanoseconds cpu{};           // of kube-proxy, since its start
    std::chrono::nanoseconds children_cpu{};  // of its children that ended
    std::uint32_t generation = 0;             // of the ruleset
  };

  // How long the burst took that is over with this look, where one is and it changed the ruleset.
  // A burst begins where kube-proxy uses a quarter of a core between two looks, and ends where it
  // does not any more; its edges are as sharp as the CPU time between the looks tells.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> look(const Look& look);

  // For how long the burst now under way has been going on; zero where none is.
  [[nodiscard]] std::chrono::nanoseconds under_way() const;

  // Another process: what was seen of the last one says nothing about it.
  void forget() { *this = {}; }

 private:
  struct Burst {
    Look before;  // the last look before it began
    Clock::time_point began;
    Clock::time_point ended;  // if it ended with the last look
  };

  std::optional<Look> last_;
  std::optional<Burst> burst_;
};

}  // namespace kubecliff::kubeproxy
