#include "tests/support/evented_collector.h"

#include <poll.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kLook = 10ms;

}  // namespace

EventedCollector::EventedCollector(const CollectorSpec& spec, std::string_view prefix,
                                   const std::map<std::string, OptionValue>& options)
    : prefix_{prefix} {
  std::map<std::string, OptionValue, std::less<>> values;
  for (const OptionSpec& option : spec.options) {
    const auto given = options.find(std::string{option.name});
    values.emplace(option.name, given == options.end() ? option.default_value : given->second);
  }
  auto made = spec.make({.options = Options{std::move(values)}});
  if (!made) {
    throw std::runtime_error{made.error().message};
  }
  collector_ = std::move(*made);
}

bool EventedCollector::run_until(std::chrono::milliseconds limit,
                                 const std::function<bool()>& condition) {
  const auto end = Clock::now() + limit;
  for (auto look = Clock::now(); !condition(); look = Clock::now() + kLook) {
    for (auto now = Clock::now(); now < look; now = Clock::now()) {
      pollfd waiting{.fd = collector_->events(), .events = POLLIN, .revents = 0};
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(look - now);
      if (::poll(&waiting, 1, static_cast<int>(left.count())) > 0) {
        collector_->on_events();
        ++calls_;
      }
    }
    if (Clock::now() >= end) {
      return false;
    }
  }
  return true;
}

void EventedCollector::run_for(std::chrono::milliseconds time) {
  (void)run_until(time, [] { return false; });
}

void EventedCollector::refresh() {
  Samples samples;
  if (const auto kind = collector_->refresh(Clock::now(), samples); !kind) {
    throw std::runtime_error{kind.error().message};
  }
  misses_ = samples.misses();
  figures_ = figures_of(samples, prefix_);
}

double EventedCollector::at(const std::string& figure) {
  refresh();
  const auto found = figures_.find(figure);
  return found == figures_.end() ? -1 : found->second;
}

const Figures& EventedCollector::figures() {
  refresh();
  return figures_;
}

std::string EventedCollector::why() {
  refresh();
  std::string words;
  for (const Error& miss : misses_) {
    words += (words.empty() ? "" : "; ") + miss.message;
  }
  return words;
}

}  // namespace kubecliff::test
