// Turns: probes one after the other, so that none is timed while another keeps the processor, and
// yet none waits long for one that gets no answer.
#pragma once

#include <chrono>
#include <deque>
#include <functional>

#include "collectors/kernel/poller.h"

namespace kubecliff::probe {

// Not thread-safe; the Poller must outlive it.
class Turns {
 public:
  // False: it could not begin, and its turn is over.
  using Begin = std::function<bool()>;

  // A turn ends with end(), or after `longest`: who has waited that long waits for the network, and
  // keeps nobody's processor.
  Turns(Poller& poller, std::chrono::milliseconds longest);

  // At the end of the queue. `who` is only compared.
  void take(const void* who, Begin begin);
  // At its head; begins with end().
  void take_next(const void* who, Begin begin);

  // Ends the turn of `who`, if it has not ended by itself, and begins the next one if none is under
  // way.
  void end(const void* who);

 private:
  struct Turn {
    const void* who = nullptr;
    Begin begin;
  };

  void begin_if_free();

  Timer timer_;
  std::chrono::milliseconds longest_;
  std::deque<Turn> waiting_;
  const void* now_ = nullptr;  // whose turn it is
};

}  // namespace kubecliff::probe
