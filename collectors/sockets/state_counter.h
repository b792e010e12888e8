// StateCounter: TCP sockets of this network namespace by state, both address families together.
// Source: net/ipv4/inet_diag.c.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "collectors/core/result.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/sockets/decode_sockets.h"

namespace kubecliff::sockets {

using StateCounts = std::array<std::uint64_t, kStates.size()>;  // in the order of kStates

// Keeps its netlink socket open. Not thread-safe.
class StateCounter {
 public:
  explicit StateCounter(const std::filesystem::path& procfs);

  // Nothing while the modules inet_diag and tcp_diag are not loaded: asking would load them.
  [[nodiscard]] Result<std::optional<StateCounts>> count();

 private:
  FeatureWatch inet_diag_;
  FeatureWatch tcp_diag_;
  netlink::Socket socket_;
};

}  // namespace kubecliff::sockets
