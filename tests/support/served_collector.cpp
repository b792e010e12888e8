#include "tests/support/served_collector.h"

#include <functional>
#include <map>
#include <stdexcept>
#include <utility>

#include <gtest/gtest.h>

namespace kubecliff::test {

Options default_options(const CollectorSpec& spec) {
  std::map<std::string, OptionValue, std::less<>> values;
  for (const OptionSpec& option : spec.options) {
    values.emplace(option.name, option.default_value);
  }
  return Options{std::move(values)};
}

ServedCollector::ServedCollector(const CollectorSpec& spec, std::string_view prefix,
                                 CollectorContext context)
    : prefix_{prefix} {
  if (context.options == Options{}) {
    context.options = default_options(spec);
  }
  Result<std::unique_ptr<Collector>> made = spec.make(context);
  if (!made) {
    throw std::runtime_error{made.error().message};
  }
  collector_ = std::move(*made);
}

RefreshKind ServedCollector::refresh(Duration later) {
  now_ += later;
  Samples samples;
  const Result<RefreshKind> kind = collector_->refresh(now_, samples);
  if (!kind) {
    throw std::runtime_error{kind.error().message};
  }
  misses_ = samples.misses();
  remarks_ = samples.remarks();
  EXPECT_EQ(samples.dropped(), 0U);
  if (*kind != RefreshKind::unchanged) {
    figures_ = figures_of(samples, prefix_);
  }
  return *kind;
}

}  // namespace kubecliff::test
