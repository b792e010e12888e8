#include "tests/integration/probe/driven.h"

#include <poll.h>

#include <chrono>
#include <cmath>
#include <stdexcept>

#include "collectors/probe/probe.h"
#include "collectors/probe/target.h"
#include "tests/support/served_collector.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;

// More often than the runner, so that tests do not wait.
constexpr auto kBetweenRefreshes = 20ms;

std::unique_ptr<Collector> made(Named options) {
  auto collector = probe::spec().make({.options = probe_options(std::move(options))});
  if (!collector) {
    throw std::runtime_error{collector.error().message};
  }
  return std::move(*collector);
}

}  // namespace

Options target(Named fields) {
  for (const OptionSpec& field : probe::target_record().fields) {
    fields.emplace(field.name, field.default_value);
  }
  return Options{std::move(fields)};
}

Options probe_options(Named options) {
  for (const OptionSpec& option : probe::spec().options) {
    options.emplace(option.name, option.default_value);
  }
  return Options{std::move(options)};
}

DrivenProbe::DrivenProbe(Named options) : collector_{made(std::move(options))} {}

bool DrivenProbe::until(const std::function<bool(const Figures&)>& enough) {
  const auto end = Clock::now() + 20s;
  if (enough(figures_)) {
    return true;
  }
  while (Clock::now() < end) {
    Samples samples;
    const Result<RefreshKind> kind = collector_->refresh(Clock::now(), samples);
    if (!kind) {
      throw std::runtime_error{kind.error().message};
    }
    remarks_.insert(remarks_.end(), samples.remarks().begin(), samples.remarks().end());
    misses_.insert(misses_.end(), samples.misses().begin(), samples.misses().end());
    if (*kind != RefreshKind::unchanged) {
      figures_ = figures_of(samples, "kubecliff_");
      if (enough(figures_)) {
        return true;
      }
    }
    const auto next = Clock::now() + kBetweenRefreshes;
    for (auto left = kBetweenRefreshes; left > 0ms;
         left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now())) {
      pollfd waiting{.fd = collector_->events(), .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, static_cast<int>(left.count())) > 0) {
        collector_->on_events();
      }
    }
  }
  return false;
}

bool DrivenProbe::until(const std::string& series, double value) {
  return until([&](const Figures& figures) {
    const auto found = figures.find(series);
    return found != figures.end() && found->second == value;
  });
}

double DrivenProbe::at(const std::string& series) const {
  const auto found = figures_.find(series);
  return found == figures_.end() ? std::nan("") : found->second;
}

}  // namespace kubecliff::test
