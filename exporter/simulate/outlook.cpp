#include "exporter/simulate/outlook.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace kubecliff::simulate {
namespace {

using Value = std::optional<double>;

enum class Nature : std::uint8_t { counted, timed };

struct Quantity {
  std::string_view check;
  Nature nature;
  Value (*of)(const Point& point);
};

Value of_iptables(const Point& point, double value) {
  return is_iptables(point.backend) ? Value{value} : std::nullopt;
}

constexpr std::array kQuantities{
    Quantity{"services_in_iptables", Nature::counted,
             [](const Point& point) { return of_iptables(point, point.services); }},
    Quantity{
        "nat_rules", Nature::counted,
        [](const Point& point) { return of_iptables(point, static_cast<double>(point.rules)); }},
    Quantity{"worst_case_walk", Nature::counted,
             [](const Point& point) {
               return point.worst_case_walk ? Value{static_cast<double>(*point.worst_case_walk)}
                                            : std::nullopt;
             }},
    Quantity{"traversal_time", Nature::timed,
             [](const Point& point) { return Value{point.missed_new_flow.median}; }},
    Quantity{"traversal_over_floor", Nature::timed,
             [](const Point& point) {
               return point.missed_established.median > 0
                          ? Value{point.missed_new_flow.median / point.missed_established.median}
                          : std::nullopt;
             }},
    // ipvsadm's runs are nobody's restore.
    Quantity{"restore_duration", Nature::timed,
             [](const Point& point) {
               return point.backend == Backend::ipvs ? std::nullopt : Value{point.update.median};
             }},
};

struct Sample {
  double services = 0;
  double value = 0;
};

double where_straight(const Sample& a, const Sample& b, double bound) {
  return a.services + (bound - a.value) * (b.services - a.services) / (b.value - a.value);
}

// `samples` by Services.
void meet(std::span<const Sample> samples, Nature nature, Meeting& meeting) {
  const Sample& first = samples.front();
  // What is counted is known below the first as well, where it grows from there.
  const bool goes_on =
      nature == Nature::counted && samples.size() > 1 && samples[1].value > first.value;
  if (first.value > meeting.bound && !goes_on) {
    meeting.where = Meeting::Where::below;
    meeting.services = first.services;
    return;
  }
  for (std::size_t i = 1; i < samples.size(); ++i) {
    if (samples[i].value > meeting.bound) {
      meeting.services = std::max(0.0, where_straight(samples[i - 1], samples[i], meeting.bound));
      return;
    }
  }
  const Sample& last = samples.back();
  if (nature == Nature::counted && samples.size() > 1 &&
      last.value > samples[samples.size() - 2].value) {
    meeting.services = where_straight(samples[samples.size() - 2], last, meeting.bound);
    return;
  }
  meeting.where = Meeting::Where::not_up_to;
  meeting.services = last.services;
}

// In days. A hundred years are never.
constexpr double kLongestOutlook = 36'500;

Value days_until(const Meeting& meeting, const Present& present) {
  if (!present.services) {
    return std::nullopt;
  }
  const auto now = static_cast<double>(*present.services);
  if (meeting.where != Meeting::Where::not_up_to && meeting.services <= now) {
    return 0;
  }
  if (meeting.where != Meeting::Where::at || !present.growth || *present.growth <= 0) {
    return std::nullopt;
  }
  const double days = (meeting.services - now) / *present.growth;
  return days <= kLongestOutlook ? Value{days} : std::nullopt;
}

}  // namespace

std::vector<Meeting> meetings(std::span<const Point> points, const Checks& checks,
                              const Present& present) {
  std::vector<Meeting> all;
  for (const Backend backend : kBackends) {
    for (const Check& check : checks.all) {
      const auto* quantity = std::ranges::find(kQuantities, check.name, &Quantity::check);
      if (quantity == kQuantities.end()) {
        continue;
      }
      std::vector<Sample> samples;
      for (const Point& point : points) {
        const Value value = point.backend == backend ? quantity->of(point) : std::nullopt;
        if (value) {
          samples.push_back({.services = static_cast<double>(point.services), .value = *value});
        }
      }
      for (const Bound& bound : check.bounds) {
        if (samples.empty() || bound.side != Bound::Side::above) {
          continue;
        }
        Meeting meeting{.backend = backend,
                        .check = check.name,
                        .severity = bound.severity,
                        .bound = bound.value,
                        .unit = check.unit,
                        .days = {}};
        meet(samples, quantity->nature, meeting);
        meeting.days = days_until(meeting, present);
        all.push_back(std::move(meeting));
      }
    }
  }
  return all;
}

}  // namespace kubecliff::simulate
