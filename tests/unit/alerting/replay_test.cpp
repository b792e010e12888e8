// The tests that Prometheus' own promtool runs over the rules, put to our own evaluation: both must
// say the same of the same samples.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/alerting/alert_states.h"
#include "exporter/alerting/checks.h"
#include "exporter/alerting/evaluate.h"
#include "tests/support/result_matchers.h"
#include "tests/unit/alerting/promtool_file.h"

namespace kubecliff {
namespace {

using std::chrono::milliseconds;
using test::PromtoolFile;
using test::PromtoolSeries;
using test::PromtoolTest;
using ::testing::UnorderedElementsAreArray;

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> found;
  const std::filesystem::path folder =
      std::filesystem::path{KUBECLIFF_SOURCE_DIR} / "alerts/rules/tests";
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

// What tells nodes apart, and what only this node says of itself.
struct Split {
  Labels node;
  Labels own;
};

Split split(const Labels& labels) {
  const std::vector<std::string>& names = default_checks().node_labels;
  Split split;
  for (const auto& label : labels) {
    const bool of_node = std::ranges::find(names, label.first) != names.end();
    (of_node ? split.node : split.own).insert(label);
  }
  return split;
}

// The checks with the bounds that a node serves; one that is not served is not judged.
Checks bounds_served(const std::vector<const PromtoolSeries*>& series) {
  std::map<std::pair<std::string, std::string>, double> served;
  for (const PromtoolSeries* one : series) {
    if (one->metric == "kubecliff_threshold") {
      served[{one->labels.at("check"), one->labels.at("severity")}] = one->values.front()->value;
    }
  }
  Checks checks = default_checks();
  for (Check& check : checks.all) {
    if (!check.has_threshold()) {
      continue;
    }
    std::erase_if(check.bounds, [&](Bound& bound) {
      const auto found = served.find({check.name, std::string{name(bound.severity)}});
      bound.value = found == served.end() ? 0 : found->second;
      return found == served.end();
    });
  }
  return checks;
}

// One node, from its first sample on.
class Node {
 public:
  Node(const Labels& labels, const std::vector<const PromtoolSeries*>& series)
      : series_{series}, states_{bounds_served(series), labels} {
    for (const Check& check : default_checks().all) {
      if (check.value != nullptr) {
        for (const Selector* selector : selectors(*check.value)) {
          history_.remember(*selector);
        }
      }
    }
  }

  void remember(const Expression& expression) {
    for (const Selector* selector : selectors(expression)) {
      history_.remember(*selector);
    }
  }

  // The samples that are due by then, each `interval` after the one before.
  void sample_until(milliseconds time, milliseconds interval) {
    for (; interval * step_ <= time; ++step_) {
      for (const PromtoolSeries* series : series_) {
        const auto index = static_cast<std::size_t>(step_);
        if (index >= series->values.size() || !series->values[index]) {
          continue;
        }
        const Labels own = split(series->labels).own;
        if (series->values[index]->ends) {
          history_.end(series->metric, own);
        } else {
          history_.append(series->metric, own,
                          {.at = at(interval * step_), .value = series->values[index]->value});
        }
      }
    }
  }

  void judge(milliseconds time) {
    EXPECT_THAT(states_.evaluate(history_, moment(time)), ::testing::IsEmpty());
  }

  [[nodiscard]] std::vector<Alert> firing(std::string_view alert_name) const {
    std::vector<Alert> found;
    for (const Alert& alert : states_.alerts()) {
      if (!alert.ended && alert.labels.at("alertname") == alert_name) {
        found.push_back(alert);
      }
    }
    return found;
  }

  [[nodiscard]] Result<std::vector<Sample>> value(const Expression& expression,
                                                  milliseconds time) const {
    return evaluate(expression, history_, moment(time));
  }

 private:
  static Clock::time_point at(milliseconds time) { return Clock::time_point{} + time; }
  static Moment moment(milliseconds time) {
    return {.now = at(time), .wall_now = std::chrono::system_clock::time_point{} + time};
  }

  std::vector<const PromtoolSeries*> series_;
  History history_;
  AlertStates states_;
  int step_ = 0;
};

std::map<Labels, Node> nodes_of(const PromtoolTest& test) {
  std::map<Labels, std::vector<const PromtoolSeries*>> by_node;
  for (const PromtoolSeries& series : test.series) {
    by_node[split(series.labels).node].push_back(&series);
  }
  std::map<Labels, Node> nodes;
  for (const auto& [labels, series] : by_node) {
    nodes.emplace(labels, Node{labels, series});
  }
  return nodes;
}

// Prometheus sees the old and the new pod of a node for a moment; a process sees itself.
bool has_pods(const PromtoolTest& test) {
  return std::ranges::any_of(
      test.series, [](const PromtoolSeries& series) { return series.labels.contains("pod"); });
}

const Check* check_of(std::string_view alert_name) {
  const auto found = std::ranges::find(default_checks().all, alert_name, &Check::alert_name);
  return found == default_checks().all.end() ? nullptr : &*found;
}

std::vector<std::pair<Labels, Labels>> told(const std::map<Labels, Node>& nodes,
                                            const test::PromtoolAlerts& expected) {
  const bool with_words = std::ranges::any_of(
      expected.expected, [](const auto& alert) { return !alert.annotations.empty(); });
  std::vector<std::pair<Labels, Labels>> found;
  for (const auto& [labels, node] : nodes) {
    for (Alert& alert : node.firing(expected.alert_name)) {
      alert.labels.erase("alertname");
      found.emplace_back(alert.labels, with_words ? alert.annotations : Labels{});
    }
  }
  return found;
}

class Replay : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(Replay, SaysWhatPrometheusSays) {
  const PromtoolFile file = test::read_promtool_file(GetParam());
  for (const PromtoolTest& test : file.tests) {
    SCOPED_TRACE(test.name);
    if (has_pods(test)) {
      continue;
    }
    std::map<Labels, Node> nodes = nodes_of(test);
    milliseconds last{0};
    for (const auto& alerts : test.alerts) {
      last = std::max(last, alerts.at);
    }
    for (milliseconds now{0}; now <= last; now += file.evaluation_interval) {
      for (auto& [labels, node] : nodes) {
        node.sample_until(now, test.interval);
        node.judge(now);
      }
      for (const test::PromtoolAlerts& alerts : test.alerts) {
        const Check* check = check_of(alerts.alert_name);
        if (alerts.at < now || alerts.at >= now + file.evaluation_interval || check == nullptr ||
            check->value == nullptr) {
          continue;
        }
        std::vector<std::pair<Labels, Labels>> expected;
        for (const test::PromtoolAlert& alert : alerts.expected) {
          expected.emplace_back(alert.labels, alert.annotations);
        }
        EXPECT_THAT(told(nodes, alerts), UnorderedElementsAreArray(expected))
            << alerts.alert_name << " at " << now.count() / 1000 << " s";
      }
    }
  }
}

TEST_P(Replay, ComesToTheValuesThatPrometheusComesTo) {
  const PromtoolFile file = test::read_promtool_file(GetParam());
  for (const PromtoolTest& test : file.tests) {
    for (const test::PromtoolSamples& samples : test.samples) {
      const auto expression = parse_expression(samples.expression);
      if (!expression) {
        continue;  // of the rules for a fleet
      }
      std::map<Labels, Node> nodes = nodes_of(test);
      std::map<Labels, double> found;
      for (auto& [labels, node] : nodes) {
        node.remember(**expression);
        node.sample_until(samples.at, test.interval);
        const auto value = node.value(**expression, samples.at);
        ASSERT_THAT(value, test::has_value()) << samples.expression;
        for (const Sample& sample : *value) {
          Labels all = sample.labels;
          all.insert(labels.begin(), labels.end());
          found.emplace(all, sample.value);
        }
      }
      EXPECT_EQ(found.size(), samples.expected.size()) << test.name << ": " << samples.expression;
      for (const auto& [labels, value] : samples.expected) {
        ASSERT_TRUE(found.contains(labels)) << samples.expression;
        EXPECT_NEAR(found.at(labels), value, 1e-9 * std::max(1.0, std::abs(value)))
            << samples.expression;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Replay, ::testing::ValuesIn(files()),
                         [](const auto& file) { return file.param.stem().string(); });

}  // namespace
}  // namespace kubecliff
