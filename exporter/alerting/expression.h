// Expression: the part of PromQL in which checks are written (alerts/thresholds.yaml), parsed.
//
// Prometheus evaluates the same text for a whole cluster, kubecliff for its own node. That both
// come to the same holds as long as an expression never tells nodes apart; so it aggregates with
// `without` and joins with `ignoring`, and `by`, `on` and `group_left` are refused. What there is:
//
//   selectors      metric{label="…", label!="…", label=~"…", label!~"…"}, metric{…}[5m]
//   functions      rate, increase, delta, max_over_time, predict_linear, histogram_quantile, time
//   aggregations   sum, max, min without (…) (…)
//   operators      + - * /, == != > < >= <= as filters, and, or, unless; each with ignoring (…)
//
// Pure functions and values; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "collectors/core/result.h"

namespace kubecliff {

struct Matcher {
  enum class Kind : std::uint8_t { equal, not_equal, matches, matches_not };

  std::string label;
  Kind kind = Kind::equal;
  std::string value = {};  // as it was written
  std::regex pattern = {};

  // A label that is missing is an empty one.
  [[nodiscard]] bool accepts(std::string_view text) const;
};

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;

struct Selector {
  std::string metric;
  std::vector<Matcher> matchers;
  std::chrono::milliseconds range{};  // none: the newest sample
};

enum class Function : std::uint8_t {
  rate,
  increase,
  delta,
  max_over_time,
  predict_linear,
  histogram_quantile,
  time
};

struct Call {
  Function function{};
  std::vector<ExpressionPtr> arguments;
};

enum class Aggregation : std::uint8_t { sum, max, min };

struct Aggregate {
  Aggregation aggregation{};
  std::vector<std::string> without;
  ExpressionPtr of;
};

enum class Operator : std::uint8_t {
  set_or,
  set_and,
  set_unless,
  equal,
  not_equal,
  above,
  below,
  at_least,
  at_most,
  plus,
  minus,
  times,
  divided_by
};

struct Binary {
  Operator operation{};
  std::vector<std::string> ignoring = {};
  ExpressionPtr left = {};
  ExpressionPtr right = {};
};

struct Expression {
  std::variant<double, Selector, Call, Aggregate, Binary> node;
};

// Of a whole text, one instant vector or number. The error names the place, counted from 1, and
// what was expected there.
[[nodiscard]] Result<ExpressionPtr> parse_expression(std::string_view text);

// Every selector in it, in the order of the text.
[[nodiscard]] std::vector<const Selector*> selectors(const Expression& expression);

}  // namespace kubecliff
