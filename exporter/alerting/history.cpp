#include "exporter/alerting/history.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "exporter/config/values.h"

namespace kubecliff {
namespace {

bool accepts(const Selector& selector, const Labels& labels) {
  return std::ranges::all_of(selector.matchers, [&labels](const Matcher& matcher) {
    return matcher.accepts(value_of(labels, matcher.label));
  });
}

Labels labels_of(const prometheus::ClientMetric& metric) {
  Labels labels;
  for (const auto& label : metric.label) {
    labels.emplace(label.name, label.value);
  }
  return labels;
}

bool is_counter(std::string_view metric) {
  constexpr std::array<std::string_view, 4> kEnds{"_total", "_bucket", "_sum", "_count"};
  return std::ranges::any_of(kEnds, [&](std::string_view end) { return metric.ends_with(end); });
}

}  // namespace

void History::remember(const Selector& selector) {
  Metric& metric = metrics_[selector.metric];
  metric.selectors.push_back(selector);
  metric.keep = std::max(metric.keep, selector.range);
}

void History::take(Clock::time_point now, std::span<const SnapshotPtr> snapshots) {
  for (auto& [name, metric] : metrics_) {
    for (auto& [labels, points] : metric.series) {
      points.seen = false;
    }
  }
  for (const SnapshotPtr& snapshot : snapshots) {
    for (const prometheus::MetricFamily& family : snapshot->families) {
      take_family(now, family);
    }
  }
  for (auto& [name, metric] : metrics_) {
    for (auto& [labels, points] : metric.series) {
      points.ended |= !points.seen;
      while (!points.points.empty() && points.points.front().at < now - metric.keep) {
        points.points.pop_front();
      }
    }
    std::erase_if(metric.series, [](const auto& entry) { return entry.second.points.empty(); });
  }
}

void History::take_family(Clock::time_point now, const prometheus::MetricFamily& family) {
  const auto wanted = [this](const std::string& name) {
    const auto found = metrics_.find(name);
    return found == metrics_.end() ? nullptr : &found->second;
  };
  if (family.type != prometheus::MetricType::Histogram) {
    Metric* metric = wanted(family.name);
    if (metric == nullptr) {
      return;
    }
    for (const prometheus::ClientMetric& one : family.metric) {
      const double value =
          family.type == prometheus::MetricType::Counter ? one.counter.value : one.gauge.value;
      append_to(*metric, labels_of(one), {.at = now, .value = value});
    }
    return;
  }

  Metric* sum = wanted(family.name + "_sum");
  Metric* count = wanted(family.name + "_count");
  Metric* bucket = wanted(family.name + "_bucket");
  if (sum == nullptr && count == nullptr && bucket == nullptr) {
    return;
  }
  for (const prometheus::ClientMetric& one : family.metric) {
    Labels labels = labels_of(one);
    if (sum != nullptr) {
      append_to(*sum, labels, {.at = now, .value = one.histogram.sample_sum});
    }
    const auto total = static_cast<double>(one.histogram.sample_count);
    if (count != nullptr) {
      append_to(*count, labels, {.at = now, .value = total});
    }
    if (bucket == nullptr) {
      continue;
    }
    for (const auto& bound : one.histogram.bucket) {
      if (std::isinf(bound.upper_bound)) {
        continue;  // may be served as such, or not at all
      }
      labels["le"] = to_text(bound.upper_bound);
      append_to(*bucket, labels, {.at = now, .value = static_cast<double>(bound.cumulative_count)});
    }
    labels["le"] = "+Inf";
    append_to(*bucket, labels, {.at = now, .value = total});
  }
}

void History::stretch(std::chrono::milliseconds back) {
  for (auto& [name, metric] : metrics_) {
    const bool counts = is_counter(name);
    for (auto& [labels, series] : metric.series) {
      std::deque<Point>& points = series.points;
      const Point oldest = points.front();
      const Point newest = points.back();
      if (newest.at - oldest.at >= back) {
        continue;
      }
      if (!counts) {
        points = {newest};
      } else if (newest.at > oldest.at && newest.value >= oldest.value) {
        const double times = seconds(back) / seconds(newest.at - oldest.at);
        points.push_front({.at = newest.at - back,
                           .value = newest.value - times * (newest.value - oldest.value)});
      }
    }
  }
}

void History::append(std::string_view metric, const Labels& labels, Point point) {
  const auto found = metrics_.find(metric);
  if (found != metrics_.end()) {
    append_to(found->second, labels, point);
  }
}

void History::append_to(Metric& metric, const Labels& labels, Point point) {
  auto known = metric.series.find(labels);
  if (known == metric.series.end()) {
    const auto takes = [&labels](const Selector& selector) { return accepts(selector, labels); };
    if (std::ranges::none_of(metric.selectors, takes)) {
      return;
    }
    known = metric.series.emplace(labels, Points{}).first;
  }
  Points& points = known->second;
  points.ended = false;
  points.seen = true;
  points.points.push_back(point);
}

void History::end(std::string_view metric, const Labels& labels) {
  const auto found = metrics_.find(metric);
  if (found == metrics_.end()) {
    return;
  }
  const auto series = found->second.series.find(labels);
  if (series != found->second.series.end()) {
    series->second.ended = true;
  }
}

std::vector<Sample> History::newest(const Selector& selector, Clock::time_point now) const {
  std::vector<Sample> found;
  const auto metric = metrics_.find(selector.metric);
  if (metric == metrics_.end()) {
    return found;
  }
  for (const auto& [labels, points] : metric->second.series) {
    if (!points.ended && now - points.points.back().at <= kLookback && accepts(selector, labels)) {
      found.push_back({.labels = labels, .value = points.points.back().value});
    }
  }
  return found;
}

std::vector<History::Series> History::range(const Selector& selector, Clock::time_point now) const {
  std::vector<Series> found;
  const auto metric = metrics_.find(selector.metric);
  if (metric == metrics_.end()) {
    return found;
  }
  for (const auto& [labels, points] : metric->second.series) {
    if (!accepts(selector, labels)) {
      continue;
    }
    const auto first =
        std::ranges::lower_bound(points.points, now - selector.range, {}, &Point::at);
    if (first != points.points.end()) {
      found.push_back({.labels = &labels, .points = {first, points.points.end()}});
    }
  }
  return found;
}

}  // namespace kubecliff
