#include "exporter/alerting/evaluate.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "exporter/config/values.h"

namespace kubecliff {
namespace {

using Vector = std::vector<Sample>;
using Seconds = std::chrono::duration<double>;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return Seconds{to - from}.count();
}

enum class Resets : std::uint8_t { counter, none };
enum class Per : std::uint8_t { range, second };

// The change over the range, as far as its samples tell: they seldom lie at its ends, and are taken
// to go on as they do for as long as another sample would not have been expected.
std::optional<double> change(std::span<const Point> points, Clock::time_point now,
                             std::chrono::milliseconds range, Resets resets, Per per) {
  if (points.size() < 2) {
    return std::nullopt;
  }
  double result = points.back().value - points.front().value;
  if (resets == Resets::counter) {
    for (std::size_t i = 1; i < points.size(); ++i) {
      result += points[i].value < points[i - 1].value ? points[i - 1].value : 0;
    }
  }

  double to_start = seconds_between(now - range, points.front().at);
  const double to_end = seconds_between(points.back().at, now);
  const double sampled = seconds_between(points.front().at, points.back().at);
  const double mean_gap = sampled / static_cast<double>(points.size() - 1);
  if (resets == Resets::counter && result > 0 && points.front().value >= 0) {
    // A counter cannot have been below zero.
    to_start = std::min(to_start, sampled * (points.front().value / result));
  }
  constexpr double kExpectedWithin = 1.1;
  double covered = sampled;
  covered += to_start < mean_gap * kExpectedWithin ? to_start : mean_gap / 2;
  covered += to_end < mean_gap * kExpectedWithin ? to_end : mean_gap / 2;
  result *= covered / sampled;
  return per == Per::second ? result / Seconds{range}.count() : result;
}

double max_of(std::span<const Point> points) {
  double most = points.front().value;
  for (const Point& point : points) {
    most = point.value > most || std::isnan(most) ? point.value : most;
  }
  return most;
}

// The line through the samples by least squares, `ahead` seconds from now.
std::optional<double> prediction(std::span<const Point> points, Clock::time_point now,
                                 double ahead) {
  if (points.size() < 2) {
    return std::nullopt;
  }
  const double first = points.front().value;
  if (std::ranges::all_of(points, [first](const Point& point) { return point.value == first; })) {
    return std::isinf(first) ? std::numeric_limits<double>::quiet_NaN() : first;
  }
  const auto count = static_cast<double>(points.size());
  double sum_x = 0;
  double sum_y = 0;
  double sum_xy = 0;
  double sum_xx = 0;
  for (const Point& point : points) {
    const double x = seconds_between(now, point.at);
    sum_x += x;
    sum_y += point.value;
    sum_xy += x * point.value;
    sum_xx += x * x;
  }
  const double slope = (sum_xy - sum_x * sum_y / count) / (sum_xx - sum_x * sum_x / count);
  return slope * ahead + sum_y / count - slope * sum_x / count;
}

struct Bucket {
  double bound = 0;
  double count = 0;
};

double quantile(double wanted, std::vector<Bucket> buckets) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(buckets, {}, &Bucket::bound);
  if (buckets.size() < 2 || !std::isinf(buckets.back().bound) || std::isnan(wanted)) {
    return kNone;
  }
  // Rates of buckets that were not scraped at the same moment can go down by a hair.
  for (std::size_t i = 1; i < buckets.size(); ++i) {
    buckets[i].count = std::max(buckets[i].count, buckets[i - 1].count);
  }
  const double total = buckets.back().count;
  if (total == 0 || std::isnan(total)) {
    return kNone;
  }
  const double rank = wanted * total;
  std::size_t index = 0;
  while (index < buckets.size() - 1 && buckets[index].count < rank) {
    ++index;
  }
  if (index == buckets.size() - 1) {
    return buckets[buckets.size() - 2].bound;
  }
  if (index == 0 && buckets[0].bound <= 0) {
    return buckets[0].bound;
  }
  const double begin = index == 0 ? 0 : buckets[index - 1].bound;
  const double before = index == 0 ? 0 : buckets[index - 1].count;
  return begin + (buckets[index].bound - begin) * (rank - before) / (buckets[index].count - before);
}

Labels without(Labels labels, std::span<const std::string> names) {
  for (const std::string& name : names) {
    labels.erase(name);
  }
  return labels;
}

Vector quantiles(double wanted, const Vector& buckets) {
  std::map<Labels, std::vector<Bucket>> histograms;
  for (const Sample& sample : buckets) {
    const auto bound = sample.labels.find("le");
    if (bound == sample.labels.end()) {
      continue;
    }
    const auto number = bound->second == "+Inf"
                            ? std::optional{std::numeric_limits<double>::infinity()}
                            : parse_number(bound->second);
    if (number) {
      Labels labels = sample.labels;
      labels.erase("le");
      histograms[std::move(labels)].push_back({.bound = *number, .count = sample.value});
    }
  }
  Vector found;
  for (auto& [labels, histogram] : histograms) {
    found.push_back({.labels = labels, .value = quantile(wanted, std::move(histogram))});
  }
  return found;
}

// Nothing where a comparison does not hold.
std::optional<double> computed(Operator operation, double left, double right) {
  const auto if_so = [left](bool holds) { return holds ? std::optional{left} : std::nullopt; };
  switch (operation) {
    case Operator::equal:
      return if_so(left == right);
    case Operator::not_equal:
      return if_so(left != right);
    case Operator::above:
      return if_so(left > right);
    case Operator::below:
      return if_so(left < right);
    case Operator::at_least:
      return if_so(left >= right);
    case Operator::at_most:
      return if_so(left <= right);
    case Operator::plus:
      return left + right;
    case Operator::minus:
      return left - right;
    case Operator::times:
      return left * right;
    case Operator::divided_by:
      return left / right;
    case Operator::set_or:
    case Operator::set_and:
    case Operator::set_unless:
      break;  // of sets, not of numbers
  }
  return std::nullopt;
}

using ByLabels = std::map<Labels, const Sample*>;

ByLabels by_labels(const Vector& samples, std::span<const std::string> ignoring) {
  ByLabels found;
  for (const Sample& sample : samples) {
    found.emplace(without(sample.labels, ignoring), &sample);
  }
  return found;
}

Vector of_sets(const Binary& binary, Vector left, const Vector& right) {
  const ByLabels others = by_labels(right, binary.ignoring);
  const auto is_there = [&](const Sample& sample) {
    return others.contains(without(sample.labels, binary.ignoring));
  };
  if (binary.operation == Operator::set_or) {
    const ByLabels known = by_labels(left, binary.ignoring);
    std::ranges::copy_if(right, std::back_inserter(left), [&](const Sample& sample) {
      return !known.contains(without(sample.labels, binary.ignoring));
    });
    return left;
  }
  const bool wanted = binary.operation == Operator::set_and;
  std::erase_if(left, [&](const Sample& sample) { return is_there(sample) != wanted; });
  return left;
}

Result<Vector> one_to_one(const Binary& binary, const Vector& left, const Vector& right) {
  const auto two_for_one = [] {
    return fail(ErrorKind::internal, "an expression joins two samples with one");
  };
  if (left.empty() || right.empty()) {
    return Vector{};
  }
  const ByLabels rights = by_labels(right, binary.ignoring);
  if (rights.size() != right.size()) {
    return two_for_one();
  }
  Vector found;
  std::set<Labels> joined;
  for (const Sample& sample : left) {
    Labels labels = without(sample.labels, binary.ignoring);
    const auto other = rights.find(labels);
    if (other == rights.end()) {
      continue;
    }
    if (!joined.insert(labels).second) {
      return two_for_one();
    }
    if (const auto value = computed(binary.operation, sample.value, other->second->value)) {
      found.push_back({.labels = std::move(labels), .value = *value});
    }
  }
  return found;
}

bool is_number(const Expression& expression) {
  if (const auto* call = std::get_if<Call>(&expression.node)) {
    return call->function == Function::time;
  }
  if (const auto* binary = std::get_if<Binary>(&expression.node)) {
    return is_number(*binary->left) && is_number(*binary->right);
  }
  return std::holds_alternative<double>(expression.node);
}

class Evaluation {
 public:
  Evaluation(const History& history, Moment moment) : history_{history}, moment_{moment} {}

  Result<Vector> operator()(double number) const { return Vector{{.labels = {}, .value = number}}; }

  Result<Vector> operator()(const Selector& selector) const {
    return history_.newest(selector, moment_.steady);
  }

  Result<Vector> operator()(const Call& call) const {
    switch (call.function) {
      case Function::time:
        return Vector{{.labels = {}, .value = Seconds{moment_.wall.time_since_epoch()}.count()}};
      case Function::histogram_quantile: {
        const auto wanted = number_of(*call.arguments[0]);
        const auto buckets = of(*call.arguments[1]);
        if (!wanted || !buckets) {
          return std::unexpected(wanted ? buckets.error() : wanted.error());
        }
        return quantiles(*wanted, *buckets);
      }
      default:
        return over_range(call);
    }
  }

  Result<Vector> operator()(const Aggregate& aggregate) const {
    auto samples = of(*aggregate.of);
    if (!samples) {
      return samples;
    }
    std::map<Labels, double> groups;
    for (const Sample& sample : *samples) {
      const auto [group, is_new] =
          groups.emplace(without(sample.labels, aggregate.without), sample.value);
      if (!is_new) {
        group->second = aggregated(aggregate.aggregation, group->second, sample.value);
      }
    }
    Vector found;
    for (const auto& [labels, value] : groups) {
      found.push_back({.labels = labels, .value = value});
    }
    return found;
  }

  Result<Vector> operator()(const Binary& binary) const {
    auto left = of(*binary.left);
    auto right = of(*binary.right);
    if (!left || !right) {
      return left ? right : left;
    }
    if (binary.operation <= Operator::set_unless) {
      return of_sets(binary, std::move(*left), *right);
    }
    if (is_number(*binary.right)) {
      return with_number(binary.operation, std::move(*left), right->front().value, Side::right);
    }
    if (is_number(*binary.left)) {
      return with_number(binary.operation, std::move(*right), left->front().value, Side::left);
    }
    return one_to_one(binary, *left, *right);
  }

  [[nodiscard]] Result<Vector> of(const Expression& expression) const {
    return std::visit(*this, expression.node);
  }

 private:
  enum class Side : std::uint8_t { left, right };

  // A comparison gives the sample's value, whichever side it stands on.
  static Vector with_number(Operator operation, Vector samples, double number, Side side) {
    const bool compares = operation < Operator::plus;
    Vector found;
    for (Sample& sample : samples) {
      const auto value = side == Side::right ? computed(operation, sample.value, number)
                                             : computed(operation, number, sample.value);
      if (value) {
        sample.value = compares ? sample.value : *value;
        found.push_back(std::move(sample));
      }
    }
    return found;
  }

  [[nodiscard]] Result<double> number_of(const Expression& expression) const {
    const auto samples = of(expression);
    if (!samples) {
      return std::unexpected(samples.error());
    }
    return samples->front().value;
  }

  [[nodiscard]] Result<Vector> over_range(const Call& call) const {
    double ahead = 0;
    if (call.arguments.size() > 1) {
      const auto number = number_of(*call.arguments[1]);
      if (!number) {
        return std::unexpected(number.error());
      }
      ahead = *number;
    }
    const auto& selector = std::get<Selector>(call.arguments[0]->node);
    Vector found;
    for (const History::Series& series : history_.range(selector, moment_.steady)) {
      if (const auto value = of_points(call.function, series.points, selector.range, ahead)) {
        found.push_back({.labels = *series.labels, .value = *value});
      }
    }
    return found;
  }

  [[nodiscard]] std::optional<double> of_points(Function function, std::span<const Point> points,
                                                std::chrono::milliseconds range,
                                                double ahead) const {
    switch (function) {
      case Function::rate:
        return change(points, moment_.steady, range, Resets::counter, Per::second);
      case Function::increase:
        return change(points, moment_.steady, range, Resets::counter, Per::range);
      case Function::delta:
        return change(points, moment_.steady, range, Resets::none, Per::range);
      case Function::max_over_time:
        return max_of(points);
      case Function::predict_linear:
        return prediction(points, moment_.steady, ahead);
      case Function::histogram_quantile:
      case Function::time:
        break;  // take no range
    }
    return std::nullopt;
  }

  const History& history_;
  Moment moment_;
};

}  // namespace

double aggregated(Aggregation aggregation, double so_far, double value) {
  switch (aggregation) {
    case Aggregation::sum:
      return so_far + value;
    case Aggregation::max:
      return value > so_far || std::isnan(so_far) ? value : so_far;
    case Aggregation::min:
      break;
  }
  return value < so_far || std::isnan(so_far) ? value : so_far;
}

Result<std::vector<Sample>> evaluate(const Expression& expression, const History& history,
                                     Moment moment) {
  return Evaluation{history, moment}.of(expression);
}

}  // namespace kubecliff
