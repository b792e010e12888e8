// Tracker: the moves of the canary that this node does not route to yet, and how long each has
// taken.
//
// An answer with generation G proves that the node routes as of move G or later, for the canary
// uses a port again only after many moves. So several moves may be under way at once, as they are
// on a node whose kube-proxy takes minutes, and one answer may end more than one of them. A pure
// state machine: time is handed in, nothing is read or sent. Not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "collectors/core/collector.h"
#include "collectors/propagation/move.h"

namespace kubecliff::propagation {

class Tracker {
 public:
  // What connections are for: 10 more after the first that reached the new port, as long as some
  // may still reach the old one.
  static constexpr int kSettling = 10;
  static constexpr std::chrono::milliseconds kSettleEvery{100};
  // Between two connections, until the node routes: a tenth of how long it has been, but not less
  // than this. So 20 minutes take 116 connections, and no more than a tenth is uncertain.
  static constexpr std::chrono::milliseconds kLeastPause{5};
  // How many moves a watch may miss while it is being made again.
  static constexpr std::uint64_t kMostAhead = 4;
  // Moves under way at most; the oldest are given up.
  static constexpr std::size_t kMostPending = 64;

  // What one connection came to. None: refused, no route, no answer in time, or another's answer.
  struct Answer {
    Clock::time_point began;              // of the connection: the kernel chose its way then
    std::chrono::nanoseconds wall_began;  // the same since 1970
    std::optional<std::uint64_t> generation;
  };

  struct Measured {
    std::chrono::nanoseconds since_event;
    std::chrono::nanoseconds since_write;  // by two clocks
  };

  enum class Reached : std::uint8_t { unsettled, the_new, the_old, nothing };

  struct Learned {
    std::vector<Measured> measured = {};
    Reached reached =
        Reached::unsettled;  // of a connection after the first that reached the new port
  };

  explicit Tracker(std::chrono::nanoseconds bound) : bound_{bound} {}

  // The event of a move arrived as it happened, and this node is to measure it.
  void moved(const Move& move, Clock::time_point arrived);
  // The newest move is this one, and it is not to be measured.
  void passed_over(const Move& move);
  [[nodiscard]] Learned answered(const Answer& answer);

  // When to connect next; nothing where there is nothing to learn.
  [[nodiscard]] std::optional<Clock::time_point> next() const;
  void connected(Clock::time_point now);

  // Gives up moves that have been under way for the bound; how many.
  [[nodiscard]] std::size_t give_up(Clock::time_point now);
  // Since the oldest move under way; zero where there is none.
  [[nodiscard]] std::chrono::nanoseconds waiting(Clock::time_point now) const;
  // Nothing is known of the canary any more.
  void forget();

 private:
  struct Pending {
    std::uint64_t generation = 0;
    Clock::time_point arrived;
    std::chrono::nanoseconds written{};
  };

  std::chrono::nanoseconds bound_;
  std::deque<Pending> pending_;  // in the order of their generations
  std::uint64_t newest_ = 0;
  std::size_t given_up_ = 0;  // for want of room
  Clock::time_point last_connection_;
  std::optional<Clock::time_point> settling_since_;
  int settling_left_ = 0;
};

}  // namespace kubecliff::propagation
