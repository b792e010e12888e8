// Responder: the canary's ports. Whoever connects to one is told at once by which move it may be
// reached, and that is all.
//
// Not thread-safe; driven by a Poller.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "collectors/core/collector.h"
#include "collectors/core/result.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/poller.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff::canary {

class Responder {
 public:
  // Whoever was answered ends the connection; who does not is left after this.
  static constexpr std::chrono::milliseconds kLinger{1'000};
  static constexpr std::size_t kMostOpen = 8'192;

  // Listens on `ports` ports from `first` on, on every address of this network namespace. Errors
  // name the port.
  [[nodiscard]] static Result<std::unique_ptr<Responder>> open(Poller& poller, std::uint64_t first,
                                                               std::uint64_t ports);
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();

  // What the port at `index` answers from here on.
  void set(std::size_t index, std::uint64_t generation) { generations_.at(index) = generation; }

  [[nodiscard]] std::size_t ports() const { return generations_.size(); }
  // Connections so far.
  [[nodiscard]] std::uint64_t accepted(AddressFamily family) const {
    return accepted_[static_cast<std::size_t>(family)];
  }
  // In the busiest second since the last call.
  [[nodiscard]] std::uint64_t take_busiest_second();

 private:
  struct Open {
    UniqueFd socket;
    Clock::time_point since;
  };

  explicit Responder(Poller& poller);
  [[nodiscard]] Result<void> listen(std::uint16_t port);
  void accept(std::size_t index);
  void count(AddressFamily family, Clock::time_point now);
  void close(std::list<Open>::iterator open);
  void close_overdue();

  Poller& poller_;
  Timer timer_;
  std::vector<UniqueFd> listeners_;
  std::vector<std::uint64_t> generations_;
  std::list<Open> open_;  // the oldest first
  std::array<std::uint64_t, kAddressFamilies.size()> accepted_{};
  Clock::time_point second_began_;
  std::uint64_t in_second_ = 0;
  std::uint64_t busiest_ = 0;
};

}  // namespace kubecliff::canary
