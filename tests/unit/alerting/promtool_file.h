// Files of `promtool test rules`, read so that the same cases can be put to our own evaluation.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "exporter/alerting/alert.h"

namespace kubecliff::test {

struct PromtoolSeries {
  std::string metric;
  Labels labels;
  // One a step from 0 on; none where there is no sample.
  struct Value {
    double value = 0;
    bool ends = false;  // `stale`: the series ends here
  };
  std::vector<std::optional<Value>> values;
};

struct PromtoolAlert {
  Labels labels;
  Labels annotations;  // empty: not looked at
};

struct PromtoolAlerts {
  std::chrono::milliseconds at{};
  std::string alert_name;
  std::vector<PromtoolAlert> expected;
};

struct PromtoolSamples {
  std::chrono::milliseconds at{};
  std::string expression;
  std::vector<std::pair<Labels, double>> expected;
};

struct PromtoolTest {
  std::string name;
  std::chrono::milliseconds interval{};
  std::vector<PromtoolSeries> series;
  std::vector<PromtoolAlerts> alerts;
  std::vector<PromtoolSamples> samples;
};

struct PromtoolFile {
  std::chrono::milliseconds evaluation_interval{60'000};
  std::vector<PromtoolTest> tests;
};

// Throws where the file is not what it should be: it is ours.
[[nodiscard]] PromtoolFile read_promtool_file(const std::filesystem::path& file);

}  // namespace kubecliff::test
