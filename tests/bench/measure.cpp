#include "tests/bench/measure.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace kubecliff::bench {

nanoseconds thread_cpu() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds{time.tv_sec} + nanoseconds{time.tv_nsec};
}

std::string duration_text(nanoseconds duration) {
  struct Unit {
    const char* name;
    double size;
  };
  constexpr std::array kUnits{Unit{"s", 1e9}, Unit{"ms", 1e6}, Unit{"us", 1e3}};
  const auto count = static_cast<double>(duration.count());
  const auto* unit = kUnits.begin();
  while (count < unit->size && unit + 1 != kUnits.end()) {
    ++unit;
  }
  const double value = count / unit->size;
  const int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*f %s", decimals, value, unit->name);
  return text.data();
}

nanoseconds Spread::quantile(double share) const {
  std::vector<nanoseconds> sorted = all_;
  std::ranges::sort(sorted);
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted.at(std::clamp(rank, std::size_t{1}, sorted.size()) - 1);
}

nanoseconds Spread::sum() const {
  return std::accumulate(all_.begin(), all_.end(), nanoseconds{0});
}

std::string Spread::text() const {
  return duration_text(median()) + " (" + duration_text(quantile(0.1)) + " to " +
         duration_text(quantile(0.9)) + ")";
}

double ratio(nanoseconds measured, nanoseconds reference) {
  return static_cast<double>(measured.count()) / static_cast<double>(reference.count());
}

double ratio(const Spread& measured, const Spread& reference) {
  return ratio(measured.median(), reference.median());
}

}  // namespace kubecliff::bench
