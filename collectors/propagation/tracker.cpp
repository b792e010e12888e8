#include "collectors/propagation/tracker.h"

#include <algorithm>
#include <utility>

namespace kubecliff::propagation {

void Tracker::moved(const Move& move, Clock::time_point arrived) {
  if (move.generation <= newest_) {
    return;  // the same again, as a renewed watch tells it
  }
  newest_ = move.generation;
  settling_since_.reset();
  settling_left_ = 0;
  pending_.push_back({.generation = move.generation, .arrived = arrived, .written = move.written});
  if (pending_.size() > kMostPending) {
    pending_.pop_front();
    ++given_up_;
  }
}

void Tracker::passed_over(const Move& move) {
  if (move.generation < newest_) {
    forget();  // the canary began anew
  }
  newest_ = move.generation;
  settling_since_.reset();
  settling_left_ = 0;
}

Tracker::Learned Tracker::answered(const Answer& answer) {
  Learned learned;
  // The rules may hear of a move before we do. But one that is far ahead is of another life of the
  // canary.
  const std::uint64_t told = answer.generation.value_or(0);
  const std::uint64_t generation = told <= newest_ + kMostAhead ? told : 0;
  while (!pending_.empty() && pending_.front().generation <= generation &&
         pending_.front().arrived <= answer.began) {
    const Pending& done = pending_.front();
    learned.measured.push_back(
        {.since_event = answer.began - done.arrived,
         .since_write = std::max(answer.wall_began - done.written, std::chrono::nanoseconds{0})});
    pending_.pop_front();
  }
  if (!learned.measured.empty() && pending_.empty()) {
    settling_since_ = answer.began;
    settling_left_ = kSettling;
  } else if (settling_since_ && pending_.empty() && answer.began > *settling_since_) {
    learned.reached = !answer.generation      ? Reached::nothing
                      : generation >= newest_ ? Reached::the_new
                                              : Reached::the_old;
  }
  return learned;
}

std::optional<Clock::time_point> Tracker::next() const {
  if (!pending_.empty()) {
    const Clock::time_point arrived = pending_.back().arrived;
    if (last_connection_ < arrived) {
      return arrived;
    }
    return last_connection_ +
           std::max<Clock::duration>((last_connection_ - arrived) / 10, kLeastPause);
  }
  return settling_left_ > 0 ? std::optional{last_connection_ + kSettleEvery} : std::nullopt;
}

void Tracker::connected(Clock::time_point now) {
  last_connection_ = now;
  if (pending_.empty() && settling_left_ > 0) {
    --settling_left_;
  }
}

std::size_t Tracker::give_up(Clock::time_point now) {
  std::size_t count = std::exchange(given_up_, 0);
  while (!pending_.empty() && now - pending_.front().arrived >= bound_) {
    pending_.pop_front();
    ++count;
  }
  return count;
}

std::chrono::nanoseconds Tracker::waiting(Clock::time_point now) const {
  return pending_.empty() ? std::chrono::nanoseconds{0} : now - pending_.front().arrived;
}

void Tracker::forget() {
  pending_.clear();
  newest_ = 0;
  settling_since_.reset();
  settling_left_ = 0;
}

}  // namespace kubecliff::propagation
