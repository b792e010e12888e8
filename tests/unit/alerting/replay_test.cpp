// The tests that Prometheus' own promtool runs over the rules, put to our own evaluation: both must
// say the same of the same samples.
#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/alerting/alert_states.h"
#include "exporter/alerting/checks.h"
#include "exporter/alerting/evaluate.h"
#include "exporter/config/values.h"
#include "tests/support/result_matchers.h"
#include "tests/unit/alerting/promtool_file.h"

namespace kubecliff {
namespace {

using std::chrono::milliseconds;
using test::PromtoolFile;
using test::PromtoolSeries;
using test::PromtoolTest;

std::filesystem::path folder() {
  return std::filesystem::path{KUBECLIFF_SOURCE_DIR} / "alerts/rules/tests";
}

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator{folder()}) {
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

using Served = std::map<std::pair<std::string, std::string>, double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The checks with the bounds that a node serves; one that is not served is never exceeded.
Checks with_bounds(const Served& served) {
  Checks checks = default_checks();
  for (Check& check : checks.all) {
    if (!check.has_threshold()) {
      continue;
    }
    for (Bound& bound : check.bounds) {
      const auto found = served.find({check.name, std::string{name(bound.severity)}});
      const double never = bound.side == Bound::Side::above ? kInfinity : -kInfinity;
      bound.value = found == served.end() ? never : found->second;
    }
  }
  return checks;
}

// One node, from its first sample on.
class Node {
 public:
  Node(const Labels& labels, const std::vector<const PromtoolSeries*>& series)
      : labels_{labels}, series_{series}, states_{with_bounds({}), labels} {
    history_.remember(thresholds);
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
    Served served;
    for (const Sample& sample : history_.newest(thresholds, at(time))) {
      served.emplace(std::pair{sample.labels.at("check"), sample.labels.at("severity")},
                     sample.value);
    }
    if (served != served_) {
      served_ = std::move(served);
      states_.change(with_bounds(served_), labels_);
    }
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
    return {.steady = at(time), .wall = std::chrono::system_clock::time_point{} + time};
  }

  inline static const Selector thresholds{.metric = "kubecliff_threshold", .matchers = {}};

  Labels labels_;
  std::vector<const PromtoolSeries*> series_;
  Served served_;
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

std::string text_of(const Labels& labels, const Labels& annotations) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += text.empty() ? name : " " + name;
    text += "=" + value;
  }
  for (const auto& [name, value] : annotations) {
    text += "\n  " + name + ": " + value;
  }
  return text;
}

// Alert after alert, in the order of their labels.
std::string text_of(const std::set<std::string>& alerts) {
  std::string text;
  for (const std::string& alert : alerts) {
    text += alert + "\n";
  }
  return text;
}

void expect(const std::map<Labels, Node>& nodes, const test::PromtoolAlerts& alerts) {
  std::set<std::string> expected;
  bool with_words = false;
  for (const test::PromtoolAlert& alert : alerts.expected) {
    expected.insert(text_of(alert.labels, alert.annotations));
    with_words |= !alert.annotations.empty();
  }
  std::set<std::string> found;
  for (const auto& [labels, node] : nodes) {
    for (Alert& alert : node.firing(alerts.alert_name)) {
      alert.labels.erase("alertname");
      found.insert(text_of(alert.labels, with_words ? alert.annotations : Labels{}));
    }
  }
  EXPECT_EQ(text_of(found), text_of(expected))
      << alerts.alert_name << " at " << to_text(Duration{alerts.at});
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
        expect(nodes, alerts);
      }
    }
  }
}

TEST(Values, AreThoseThatPrometheusComesTo) {
  const PromtoolFile file = test::read_promtool_file(folder() / "expressions_test.yaml");
  for (const PromtoolTest& test : file.tests) {
    for (const test::PromtoolSamples& samples : test.samples) {
      const auto expression = parse_expression(samples.expression);
      ASSERT_THAT(expression, test::has_value()) << samples.expression;
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
