#include "tests/unit/alerting/promtool_file.h"

#include <regex>
#include <sstream>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <variant>

#include <yaml-cpp/yaml.h>

#include "exporter/alerting/expression.h"
#include "exporter/config/values.h"

namespace kubecliff::test {
namespace {

std::chrono::milliseconds duration_of(const YAML::Node& node) {
  const auto duration = parse_duration(node.as<std::string>());
  if (!duration) {
    throw std::invalid_argument{"no duration: " + node.as<std::string>()};
  }
  return *duration;
}

// `metric{label="value"}`
std::pair<std::string, Labels> series_of(const std::string& text) {
  Labels labels;
  if (text.starts_with('{') || text.empty()) {
    const auto [metric, inner] = series_of("none" + text);
    return {"", inner};
  }
  const auto parsed = parse_expression(text);
  if (!parsed) {
    throw std::invalid_argument{text + ": " + parsed.error().message};
  }
  const auto& selector = std::get<Selector>((*parsed)->node);
  for (const Matcher& matcher : selector.matchers) {
    labels.emplace(matcher.label, matcher.value);
  }
  return {selector.metric, labels};
}

void add_values(const std::string& word, PromtoolSeries& series) {
  static const std::regex many{R"((-?[0-9.e]+)(?:([+-])([0-9.e]+))?x([0-9]+))"};
  static const std::regex none{R"(_(?:x([0-9]+))?)"};
  std::smatch found;
  if (std::regex_match(word, found, none)) {
    series.values.insert(series.values.end(), found[1].matched ? std::stoul(found[1]) : 1,
                         std::nullopt);
  } else if (word == "stale") {
    series.values.emplace_back(PromtoolSeries::Value{.ends = true});
  } else if (std::regex_match(word, found, many)) {
    const double step = found[2].matched ? std::stod(found[3]) * (found[2] == "-" ? -1 : 1) : 0;
    for (unsigned long i = 0; i <= std::stoul(found[4]); ++i) {
      series.values.emplace_back(
          PromtoolSeries::Value{.value = std::stod(found[1]) + step * static_cast<double>(i)});
    }
  } else {
    series.values.emplace_back(PromtoolSeries::Value{.value = std::stod(word)});
  }
}

Labels labels_of(const YAML::Node& node) {
  Labels labels;
  for (const auto& entry : node) {
    labels.emplace(entry.first.as<std::string>(), entry.second.as<std::string>());
  }
  return labels;
}

PromtoolTest test_of(const YAML::Node& node, std::chrono::milliseconds evaluation_interval) {
  PromtoolTest test;
  test.interval = node["interval"] ? duration_of(node["interval"]) : evaluation_interval;
  test.name = node["name"].as<std::string>("unnamed");
  for (const YAML::Node& input : node["input_series"]) {
    PromtoolSeries& series = test.series.emplace_back();
    std::tie(series.metric, series.labels) = series_of(input["series"].as<std::string>());
    std::istringstream words{input["values"].as<std::string>()};
    for (std::string word; words >> word;) {
      add_values(word, series);
    }
  }
  for (const YAML::Node& expected : node["alert_rule_test"]) {
    PromtoolAlerts& alerts = test.alerts.emplace_back();
    alerts.at = duration_of(expected["eval_time"]);
    alerts.alert_name = expected["alertname"].as<std::string>();
    for (const YAML::Node& alert : expected["exp_alerts"]) {
      alerts.expected.push_back({.labels = labels_of(alert["exp_labels"]),
                                 .annotations = labels_of(alert["exp_annotations"])});
    }
  }
  for (const YAML::Node& expected : node["promql_expr_test"]) {
    PromtoolSamples& samples = test.samples.emplace_back();
    samples.at = duration_of(expected["eval_time"]);
    samples.expression = expected["expr"].as<std::string>();
    for (const YAML::Node& sample : expected["exp_samples"]) {
      samples.expected.emplace_back(series_of(sample["labels"].as<std::string>()).second,
                                    sample["value"].as<double>());
    }
  }
  return test;
}

}  // namespace

PromtoolFile read_promtool_file(const std::filesystem::path& file) {
  const YAML::Node root = YAML::LoadFile(file);
  PromtoolFile read;
  if (root["evaluation_interval"]) {
    read.evaluation_interval = duration_of(root["evaluation_interval"]);
  }
  for (const YAML::Node& test : root["tests"]) {
    read.tests.push_back(test_of(test, read.evaluation_interval));
  }
  return read;
}

}  // namespace kubecliff::test
