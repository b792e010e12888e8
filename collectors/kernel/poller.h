// Poller: descriptors that one thread waits for, and what is to be done when they are ready.
//
// It is an epoll descriptor with handlers, for collectors that have many connections and one
// events() to give. Timer is a deadline among them. Neither is thread-safe; both throw
// std::system_error where the kernel has no descriptors or memory left.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "collectors/kernel/unique_fd.h"

namespace kubecliff {

class Poller {
 public:
  // `events`: of epoll, those that came.
  using Handler = std::function<void(std::uint32_t events)>;

  Poller();

  // Readable as long as a handler is to be called.
  [[nodiscard]] int descriptor() const { return epoll_.get(); }

  // Level-triggered. For a descriptor that is watched already, in place of what was said before.
  void watch(int descriptor, std::uint32_t events, Handler handler);
  // Before the descriptor is closed. Nothing where it is not watched.
  void forget(int descriptor);

  // Calls the handlers of what is ready now. They may watch, forget and close what they like; so
  // one may be called for what was ready at another descriptor of its number.
  void dispatch();

 private:
  UniqueFd epoll_;
  // Shared with a handler that is being called, which may forget itself.
  std::unordered_map<int, std::shared_ptr<const Handler>> handlers_;
};

// Calls its handler once when the time that it was set to has come. `poller` must outlive it.
class Timer {
 public:
  Timer(Poller& poller, std::function<void()> handler);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { poller_.forget(timer_.get()); }

  void set(std::chrono::steady_clock::time_point time);
  void stop();

 private:
  Poller& poller_;
  UniqueFd timer_;
};

}  // namespace kubecliff
