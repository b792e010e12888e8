// Connections: short TCP connections to the canary's Service, each of which asks which move its way
// was laid by.
//
// Each is a new flow, so the rules are asked anew. It is ended by a reset once it was answered: no
// socket waits in TIME_WAIT, and its entry in the connection tracking table is gone after ten
// seconds. Driven by a Poller. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>

#include "collectors/core/collector.h"
#include "collectors/kernel/poller.h"
#include "collectors/kernel/socket_address.h"
#include "collectors/kernel/unique_fd.h"
#include "collectors/propagation/tracker.h"

namespace kubecliff::propagation {

class Connections {
 public:
  // The packets of some are dropped, not refused. After a second the kernel would send its first
  // one again, and what then answers proves nothing about when the connection began.
  static constexpr std::chrono::milliseconds kAnswerWithin{900};
  static constexpr std::size_t kMostAtOnce = 64;  // more than the tracker begins in that time

  using OnAnswer = std::function<void(const Tracker::Answer& answer)>;

  Connections(Poller& poller, OnAnswer on_answer);
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;
  ~Connections() { forget(); }

  // Nothing where kMostAtOnce are under way. Its answer comes later, by the poller.
  void start(const SocketAddress& service);
  // Those under way are given up, and not answered.
  void forget();

  [[nodiscard]] std::uint64_t started() const { return started_; }

 private:
  struct Connection {
    UniqueFd socket;
    Clock::time_point began;
    std::chrono::nanoseconds wall_began{};
    std::string line = {};
  };
  using Place = std::list<Connection>::iterator;

  void take(Place place);
  void end(Place place, std::optional<std::uint64_t> generation);
  void end_overdue();
  void set_timer();

  Poller& poller_;
  OnAnswer on_answer_;
  Timer timer_;
  std::list<Connection> connections_;  // the oldest first
  std::uint64_t started_ = 0;
};

}  // namespace kubecliff::propagation
