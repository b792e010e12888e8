// The two sockets on which the kernel tells about processes: the process connector, for when they
// become a program and when they end, and taskstats, for what they have used up by then.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "collectors/core/result.h"
#include "collectors/kernel/event_socket.h"
#include "collectors/restore/decode_events.h"

namespace kubecliff::restore {

// Works in the first network, process and user namespace only.
class ProcessConnector {
 public:
  // Subscribes. Errors: unavailable, with the namespace or the kernel option that is in the way;
  // denied.
  [[nodiscard]] static Result<ProcessConnector> open();
  ProcessConnector(ProcessConnector&&) = default;
  ProcessConnector& operator=(ProcessConnector&&) = delete;
  // Unsubscribes: older kernels go on counting a listener that only closed its socket.
  ~ProcessConnector();

  [[nodiscard]] int descriptor() const { return socket_.descriptor(); }
  [[nodiscard]] Result<EventSocket::Drained> drain(
      const std::function<void(const ProcessEvent&)>& visit) const;
  // From here on the exit of these processes alone is told, and not that of every one; and exec of
  // every process, or of none.
  [[nodiscard]] Result<void> await_exits(std::span<const std::uint32_t> pids, Execs execs) const {
    return socket_.set_filter(awaited_exit_filter(pids, execs));
  }

 private:
  explicit ProcessConnector(EventSocket socket) : socket_{std::move(socket)} {}

  EventSocket socket_;
};

class TaskStats {
 public:
  [[nodiscard]] static Result<TaskStats> open();

  [[nodiscard]] int descriptor() const { return socket_.descriptor(); }
  [[nodiscard]] Result<EventSocket::Drained> drain(
      const std::function<void(const TaskExit&)>& visit) const;

 private:
  explicit TaskStats(EventSocket socket) : socket_{std::move(socket)} {}

  EventSocket socket_;
};

}  // namespace kubecliff::restore
