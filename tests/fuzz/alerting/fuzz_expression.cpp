// Expressions: whatever is taken can be evaluated, and tells each set of labels once.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include "exporter/alerting/evaluate.h"

namespace {

using namespace kubecliff;

// Some samples of every metric that is asked for.
History history_for(const Expression& expression, Clock::time_point now) {
  History history;
  for (const Selector* selector : selectors(expression)) {
    history.remember(*selector);
  }
  for (const Selector* selector : selectors(expression)) {
    for (int i = 0; i < 3; ++i) {
      for (const char* bound : {"1", "+Inf", "x"}) {
        history.append(selector->metric, {{"le", bound}, {"a", "b"}},
                       {.at = now - std::chrono::seconds{30 - 10 * i}, .value = (i * 7) % 5 - 1.0});
      }
    }
  }
  return history;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = parse_expression({reinterpret_cast<const char*>(data), size});
  if (!parsed) {
    return 0;
  }
  const Clock::time_point now{std::chrono::hours{24}};
  const auto samples = evaluate(**parsed, history_for(**parsed, now), {.steady = now, .wall = {}});
  std::set<Labels> seen;
  if (samples) {
    for (const Sample& sample : *samples) {
      if (!seen.insert(sample.labels).second) {
        std::abort();
      }
    }
  }
  return 0;
}
