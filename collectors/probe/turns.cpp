#include "collectors/probe/turns.h"

#include <utility>

namespace kubecliff::probe {

Turns::Turns(Poller& poller, std::chrono::milliseconds longest)
    : timer_{poller,
             [this] {
               now_ = nullptr;
               begin_if_free();
             }},
      longest_{longest} {}

void Turns::take(const void* who, Begin begin) {
  waiting_.push_back({.who = who, .begin = std::move(begin)});
  begin_if_free();
}

void Turns::take_next(const void* who, Begin begin) {
  waiting_.push_front({.who = who, .begin = std::move(begin)});
}

void Turns::end(const void* who) {
  if (now_ == who) {
    now_ = nullptr;
    timer_.stop();
  }
  begin_if_free();
}

void Turns::begin_if_free() {
  while (now_ == nullptr && !waiting_.empty()) {
    const Turn turn = std::move(waiting_.front());
    waiting_.pop_front();
    now_ = turn.who;
    if (turn.begin()) {
      timer_.set(std::chrono::steady_clock::now() + longest_);
    } else {
      now_ = nullptr;
    }
  }
}

}  // namespace kubecliff::probe
