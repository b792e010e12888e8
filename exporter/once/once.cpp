#include "exporter/once/once.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace kubecliff {
namespace {

// `dataplane` gives the others half a minute to tell. Here they have had their turn before it.
constexpr std::chrono::seconds kOthersHaveTold{31};

std::string words(std::string_view collector, std::string_view why) {
  return "collector " + std::string{collector} + ": " + std::string{why};
}

// What a library throws ends at its collector, as it does where the runner calls it.
Result<RefreshKind> refreshed(Collector& collector, Clock::time_point now, Samples& out) {
  try {
    return collector.refresh(now, out);
  } catch (const std::exception& error) {
    return fail(ErrorKind::internal, error.what());
  }
}

// Whether there may be more.
bool took_events(Collector& collector) {
  try {
    collector.on_events();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

struct Once::Asked {
  std::string_view name;
  std::unique_ptr<Collector> collector;
  SnapshotPtr snapshot = {};  // outlives an error: what comes next may be that it is unchanged
  bool failed = false;
  std::vector<std::string> failures = {};

  void ask(Clock::time_point now) {
    Samples samples;
    const auto kind = refreshed(*collector, now, samples);
    failures.clear();
    failed = !kind;
    if (!kind) {
      failures.push_back(words(name, kind.error().message));
      return;
    }
    for (const Error& miss : samples.misses()) {
      failures.push_back(words(name, miss.message));
    }
    if (*kind != RefreshKind::unchanged) {
      snapshot = std::make_shared<const Snapshot>(samples.take());
    }
  }
};

Once::Once(const Settings& settings, std::span<const CollectorSpec> specs,
           std::span<const std::string_view> names)
    : context_{.options = {}, .procfs = settings.procfs} {
  for (const CollectorSpec& spec : specs) {
    const bool named = std::ranges::find(names, spec.name) != names.end();
    if (!named && !names.empty()) {
      continue;
    }
    if (const auto options = settings.collectors.find(spec.name);
        options != settings.collectors.end()) {
      make(spec, options->second);
    } else if (named) {
      not_made_.push_back(words(spec.name, "switched off"));
    }
  }
}

Once::~Once() = default;

void Once::make(const CollectorSpec& spec, const Options& options) {
  CollectorContext context = context_;
  context.options = options;
  try {
    auto made = spec.make(context);
    if (made) {
      asked_.push_back({.name = spec.name, .collector = std::move(*made)});
    } else {
      not_made_.push_back(words(spec.name, made.error().message));
    }
  } catch (const std::exception& error) {
    not_made_.push_back(words(spec.name, error.what()));
  }
}

std::vector<SnapshotPtr> Once::ask() {
  std::vector<SnapshotPtr> snapshots;
  for (Asked& asked : asked_) {
    const Clock::time_point now = Clock::now();
    asked.ask(now);
    if (asked.name == "dataplane") {
      asked.ask(now + kOthersHaveTold);
    }
    if (asked.snapshot != nullptr && !asked.failed) {
      snapshots.push_back(asked.snapshot);
    }
  }
  return snapshots;
}

void Once::wait(Duration duration) {
  std::vector<pollfd> events;
  std::vector<Collector*> collectors;
  for (const Asked& asked : asked_) {
    if (const int descriptor = asked.collector->events(); descriptor >= 0) {
      events.push_back({.fd = descriptor, .events = POLLIN, .revents = 0});
      collectors.push_back(asked.collector.get());
    }
  }
  const Clock::time_point end = Clock::now() + duration;
  for (auto left = duration; left > Duration{0};
       left = std::chrono::ceil<Duration>(end - Clock::now())) {
    if (::poll(events.data(), events.size(), static_cast<int>(left.count())) <= 0) {
      continue;  // the time is over, or a signal came
    }
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (events[i].revents != 0 && !took_events(*collectors[i])) {
        events[i].fd = -1;
      }
    }
  }
}

std::vector<std::string> Once::failures() const {
  std::vector<std::string> all = not_made_;
  for (const Asked& asked : asked_) {
    all.insert(all.end(), asked.failures.begin(), asked.failures.end());
  }
  return all;
}

}  // namespace kubecliff
