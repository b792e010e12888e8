#include "exporter/report/trail.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

namespace kubecliff::report {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// What a minute of a figure comes to: the sum of gauges, or of a histogram.
enum class Kind : std::uint8_t { gauge, mean, median };

struct FigureSpec {
  std::string_view id;
  std::string_view title;
  std::string_view unit;
  Kind kind;
  std::array<std::string_view, 2> families;  // added up; of a histogram one
  // The series of a family with this label alone; none: all of them.
  std::string_view label = {};
  std::string_view value = {};
};

constexpr std::array kSpecs{
    FigureSpec{.id = "conntrack_entries",
               .title = "Connections tracked",
               .unit = "",
               .kind = Kind::gauge,
               .families = {"kubecliff_conntrack_entries"}},
    FigureSpec{.id = "rules",
               .title = "Rules",
               .unit = "",
               .kind = Kind::gauge,
               .families = {"kubecliff_iptables_rules", "kubecliff_nftables_rules"}},
    FigureSpec{.id = "restore_seconds",
               .title = "An update of the rules takes (mean)",
               .unit = "seconds",
               .kind = Kind::mean,
               .families = {"kubecliff_restore_duration_seconds"}},
    FigureSpec{.id = "ruleset_busy_seconds",
               .title = "A ruleset change keeps kube-proxy busy for (mean)",
               .unit = "seconds",
               .kind = Kind::mean,
               .families = {"kubecliff_ruleset_busy_seconds"}},
    FigureSpec{.id = "new_flow_seconds",
               .title = "A new flow is sent in (median)",
               .unit = "seconds",
               .kind = Kind::median,
               .families = {"kubecliff_traversal_seconds"},
               .label = "flow",
               .value = "new"},
    FigureSpec{.id = "established_flow_seconds",
               .title = "A packet of an established flow is sent in (median)",
               .unit = "seconds",
               .kind = Kind::median,
               .families = {"kubecliff_traversal_seconds"},
               .label = "flow",
               .value = "established"},
    FigureSpec{.id = "propagation_seconds",
               .title = "A change of endpoints reaches this node within (mean)",
               .unit = "seconds",
               .kind = Kind::mean,
               .families = {"kubecliff_propagation_seconds"}},
};

constexpr std::string_view kEntries = "conntrack_entries";
constexpr std::string_view kLimit = "kubecliff_conntrack_entries_limit";
constexpr std::string_view kUse = "conntrack_use";  // of the limit: the check

const prometheus::MetricFamily* find(std::span<const SnapshotPtr> served, std::string_view name) {
  for (const SnapshotPtr& snapshot : served) {
    const auto found = std::ranges::find(snapshot->families, name, &prometheus::MetricFamily::name);
    if (found != snapshot->families.end()) {
      return &*found;
    }
  }
  return nullptr;
}

bool is_wanted(const FigureSpec& spec, const prometheus::ClientMetric& metric) {
  return spec.label.empty() ||
         std::ranges::any_of(metric.label, [&](const prometheus::ClientMetric::Label& label) {
           return label.name == spec.label && label.value == spec.value;
         });
}

double sum_of_gauges(std::string_view name, std::span<const SnapshotPtr> served) {
  const prometheus::MetricFamily* const family = find(served, name);
  if (family == nullptr || family->type != prometheus::MetricType::Gauge) {
    return kNothing;
  }
  double sum = 0;
  for (const prometheus::ClientMetric& metric : family->metric) {
    sum += metric.gauge.value;
  }
  return sum;
}

std::vector<Bound> bounds_of_entries(const Checks& checks, double limit) {
  const auto check = std::ranges::find(checks.all, kUse, &Check::name);
  if (check == checks.all.end() || !std::isfinite(limit)) {
    return {};
  }
  std::vector<Bound> bounds = check->bounds;
  for (Bound& bound : bounds) {
    bound.value *= limit;
  }
  return bounds;
}

}  // namespace

bool Trail::Observed::add(const prometheus::ClientMetric::Histogram& histogram) {
  const auto& served = histogram.bucket;
  if (served.size() > kMostBuckets || (buckets != 0 && buckets != served.size())) {
    return false;
  }
  const bool is_first = buckets == 0;
  buckets = served.size();
  for (std::size_t index = 0; index < buckets; ++index) {
    if (!is_first && bounds.at(index) != served[index].upper_bound) {
      return false;
    }
    bounds.at(index) = served[index].upper_bound;
    counts.at(index) += static_cast<double>(served[index].cumulative_count);
  }
  count += static_cast<double>(histogram.sample_count);
  sum += histogram.sample_sum;
  return true;
}

void Trail::take(const Moment& moment, std::span<const SnapshotPtr> served) {
  static_assert(kSpecs.size() == kFigures);
  static_assert(sizeof(Trail) <= std::size_t{28} * 1024, "as the header says");
  const std::lock_guard lock{mutex_};
  if (!first_) {
    first_ = moment;
    limit_ = kNothing;
    for (Figure& figure : figures_) {
      figure.values.fill(kNothing);
      figure.last = kNothing;
    }
  }
  newest_ = moment;
  close_minutes_before((moment.steady - first_->steady) / std::chrono::minutes{1});
  for (std::size_t index = 0; index < kFigures; ++index) {
    take_figure(index, served);
  }
  const double limit = sum_of_gauges(kLimit, served);
  limit_ = std::isnan(limit) ? limit_ : limit;
}

void Trail::close_minutes_before(std::int64_t minute) {
  if (minute <= minute_) {
    return;
  }
  const auto place = [](std::int64_t of) { return static_cast<std::size_t>(of) % kMinutes; };
  // Nobody looked in those between: what happened then belongs to no minute.
  const std::int64_t missed = minute - minute_ - 1;
  const auto ring = static_cast<std::int64_t>(kMinutes);
  for (std::size_t index = 0; index < kFigures; ++index) {
    Figure& figure = figures_.at(index);
    figure.values.at(place(minute_)) = value_of_minute(index, figure);
    for (std::int64_t gap = minute - std::min(missed, ring); gap < minute; ++gap) {
      figure.values.at(place(gap)) = kNothing;
    }
    const bool never_served = figure.now.buckets == 0;
    figure.is_known = missed == 0 && (never_served || !std::isnan(figure.last));
    figure.begin = figure.now;
    figure.last = kNothing;
  }
  minute_ = minute;
}

void Trail::take_figure(std::size_t index, std::span<const SnapshotPtr> served) {
  const FigureSpec& spec = kSpecs.at(index);
  Figure& figure = figures_.at(index);
  if (spec.kind == Kind::gauge) {
    double sum = kNothing;
    for (const std::string_view family : spec.families) {
      const double value = family.empty() ? kNothing : sum_of_gauges(family, served);
      sum = std::isnan(sum) ? value : std::isnan(value) ? sum : sum + value;
    }
    figure.last = sum;
    return;
  }
  const prometheus::MetricFamily* const family = find(served, spec.families.front());
  if (family == nullptr || family->type != prometheus::MetricType::Histogram) {
    return;
  }
  Observed now;
  for (const prometheus::ClientMetric& metric : family->metric) {
    if (is_wanted(spec, metric) && !now.add(metric.histogram)) {
      figure.is_known = false;
      return;
    }
  }
  // Counts only rise, and buckets stay: these are other series than before.
  const bool are_others =
      figure.now.buckets != 0 && (now.count < figure.now.count || now.bounds != figure.now.bounds);
  if (!figure.is_known || are_others) {
    figure.begin = now;
    figure.is_known = true;
  }
  figure.now = now;
  figure.last = now.count;
}

double Trail::value_of_minute(std::size_t index, const Figure& figure) {
  const FigureSpec& spec = kSpecs.at(index);
  if (spec.kind == Kind::gauge || std::isnan(figure.last)) {
    return figure.last;
  }
  const double count = figure.now.count - figure.begin.count;
  if (!figure.is_known || count <= 0) {
    return kNothing;
  }
  if (spec.kind == Kind::mean) {
    return (figure.now.sum - figure.begin.sum) / count;
  }
  double below = 0;  // this bucket
  double lower = 0;
  for (std::size_t bucket = 0; bucket < figure.now.buckets; ++bucket) {
    const double upper = figure.now.bounds.at(bucket);
    const double within = figure.now.counts.at(bucket) - figure.begin.counts.at(bucket);
    if (within >= count / 2) {
      const double part = (count / 2 - below) / (within - below);
      return std::isinf(upper) ? lower : lower + (upper - lower) * part;
    }
    below = within;
    lower = upper;
  }
  return lower;
}

std::vector<Curve> Trail::curves(const Checks& checks) const {
  const std::lock_guard lock{mutex_};
  std::vector<Curve> curves;
  if (!first_) {
    return curves;
  }
  const auto oldest = std::max<std::int64_t>(minute_ - static_cast<std::int64_t>(kMinutes), 0);
  for (std::size_t index = 0; index < kFigures; ++index) {
    const FigureSpec& spec = kSpecs.at(index);
    Curve curve{.id = std::string{spec.id},
                .title = std::string{spec.title},
                .unit = std::string{spec.unit},
                .points = {}};
    for (std::int64_t minute = oldest; minute < minute_; ++minute) {
      const double value =
          figures_.at(index).values.at(static_cast<std::size_t>(minute) % kMinutes);
      const auto age = newest_.steady - first_->steady - std::chrono::minutes{minute + 1};
      if (!std::isnan(value)) {
        curve.points.push_back(
            {.at = newest_.wall - std::chrono::duration_cast<WallClock::duration>(age),
             .value = value});
      }
    }
    if (curve.points.empty()) {
      continue;
    }
    if (spec.id == kEntries) {
      curve.bounds = bounds_of_entries(checks, limit_);
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

}  // namespace kubecliff::report
