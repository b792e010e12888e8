// CPU time, and what repeated measurements say together.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace kubecliff::bench {

using std::chrono::nanoseconds;

// User and system time of the calling thread.
[[nodiscard]] nanoseconds thread_cpu();

template <typename Work>
[[nodiscard]] nanoseconds cpu_of(Work&& work) {
  const nanoseconds before = thread_cpu();
  work();
  return thread_cpu() - before;
}

// "41.2 us", "1.70 s".
[[nodiscard]] std::string duration_text(nanoseconds duration);

// Measurements of one quantity. Everything but add() needs one at least.
class Spread {
 public:
  void add(nanoseconds measured) { all_.push_back(measured); }
  void add(const Spread& other) { all_.insert(all_.end(), other.all_.begin(), other.all_.end()); }

  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] nanoseconds median() const { return quantile(0.5); }
  // The smallest one that a share of `share` does not exceed.
  [[nodiscard]] nanoseconds quantile(double share) const;
  [[nodiscard]] nanoseconds sum() const;

  // "41.2 us (39.0 us to 55.1 us)": the median, and between what the middle eighty percent lie.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<nanoseconds> all_;
};

[[nodiscard]] double ratio(nanoseconds measured, nanoseconds reference);
// Of the medians.
[[nodiscard]] double ratio(const Spread& measured, const Spread& reference);

// Each round calls `prepare`, then every contestant once, and every round begins with another one.
template <std::size_t N>
[[nodiscard]] std::array<Spread, N> in_turns(
    int rounds, const std::function<void()>& prepare,
    const std::array<std::function<nanoseconds()>, N>& contestants) {
  std::array<Spread, N> spreads;
  for (std::size_t round = 0; round < static_cast<std::size_t>(rounds); ++round) {
    prepare();
    for (std::size_t i = 0; i < N; ++i) {
      const std::size_t turn = (round + i) % N;
      spreads[turn].add(contestants[turn]());
    }
  }
  return spreads;
}

}  // namespace kubecliff::bench
