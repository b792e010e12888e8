#include "exporter/report/words.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "exporter/alerting/words.h"
#include "exporter/config/values.h"
#include "exporter/console/text.h"

namespace kubecliff::report {
namespace {

using console::grouped;

std::string with_labels(const std::string& text, const Labels& labels) {
  std::string values;
  for (const auto& [name, value] : labels) {
    values += (values.empty() ? "" : ", ") + value;
  }
  return values.empty() ? text : text + " (" + values + ")";
}

}  // namespace

std::string figure(std::string_view unit, double value) {
  if (unit == "ratio" || unit == "seconds" || unit == "state") {
    return value_text(unit, value);
  }
  constexpr double kMost = 1e15;
  const double size = std::abs(value);
  // Large enough to be read without decimals.
  if (size >= 100 && size < kMost) {
    const std::string sign = value < 0 ? "-" : "";
    const std::string number = sign + grouped(static_cast<std::uint64_t>(std::llround(size)));
    return unit.empty() || unit.starts_with('/') ? number + std::string{unit}
                                                 : number + " " + std::string{unit};
  }
  if (unit.empty() || unit.starts_with('/')) {
    // value_text() gives those two decimals that are rates.
    const std::string text = value_text(unit.empty() ? "n" : "n/s", value);
    return text.substr(0, text.find(' ')) + std::string{unit};
  }
  return value_text(unit, value);
}

std::string words(const Measure& measure) {
  std::string text = measure.check;
  std::ranges::replace(text, '_', ' ');
  return with_labels(text, measure.labels);
}

std::string words(const Fact& fact) {
  return with_labels(fact.text, fact.labels);
}

std::string verdict(const Report& report) {
  std::string text;
  for (const Severity severity : {Severity::critical, Severity::warning, Severity::info}) {
    const auto count = std::ranges::count(report.findings, severity, &Finding::severity);
    if (count > 0) {
      const bool several = severity == Severity::warning && count > 1;
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " +
              std::string{name(severity)} + (several ? "s" : "");
    }
  }
  if (text.empty()) {
    text = is_known(report) ? "no bound is exceeded" : "nothing is known yet";
  }
  return text;
}

std::string unread(const Report& report) {
  return report.failures.empty()
             ? ""
             : ", " + std::to_string(report.failures.size()) + " could not be read";
}

std::string words(const Mode& mode) {
  const std::string verdict = mode.verdict.empty() ? "not known" : mode.verdict;
  return mode.kube_proxy_mode.empty() ? verdict
                                      : verdict + ", and kube-proxy says " + mode.kube_proxy_mode;
}

bool same(const std::vector<ServiceRow>& a, const std::vector<ServiceRow>& b) {
  return std::ranges::equal(a, b, [](const ServiceRow& one, const ServiceRow& other) {
    return one.address == other.address && one.dataplane == other.dataplane;
  });
}

bool same(const std::vector<TalkerRow>& a, const std::vector<TalkerRow>& b) {
  return std::ranges::equal(a, b, [](const TalkerRow& one, const TalkerRow& other) {
    return one.address == other.address && one.flows == other.flows;
  });
}

Names without_repeats(Names names) {
  const auto drop = [](auto& rows, const auto& said) {
    if (same(rows, said)) {
      rows.clear();
    }
  };
  drop(names.services_by_rules, names.services_by_endpoints);
  drop(names.short_lived_sources, names.sources);
  drop(names.short_lived_destinations, names.destinations);
  return names;
}

std::vector<std::vector<std::string>> curve_table(const std::vector<Curve>& curves) {
  // Of 2026-11-22T21:50:03Z.
  const auto minute = [](WallClock::time_point at) { return to_utc(at).substr(11, 5); };
  std::optional<WallClock::time_point> begin;
  std::vector<std::vector<std::string>> rows;
  for (const Curve& curve : curves) {
    if (curve.points.empty()) {
      continue;
    }
    begin = std::min(begin.value_or(curve.points.front().at), curve.points.front().at);
    const auto [least, most] = std::ranges::minmax_element(curve.points, {}, &Curve::Point::value);
    rows.push_back({curve.title, figure(curve.unit, least->value), figure(curve.unit, most->value),
                    minute(most->at), figure(curve.unit, curve.points.back().value)});
  }
  if (begin) {
    rows.insert(rows.begin(),
                {"since " + minute(*begin) + " UTC", "lowest", "highest", "at", "last"});
  }
  return rows;
}

std::string flows_line(const Names& names) {
  return "Flows: " + grouped(names.flows) + ", of them short-lived " +
         grouped(names.short_lived_flows);
}

std::string stale_title(const Names& names) {
  const std::string title = "Flows to backends that are gone";
  return names.stale_flows_total == 0 ? title : title + ": " + grouped(names.stale_flows_total);
}

bool is_web_address(std::string_view text) {
  const bool has_scheme = text.starts_with("https://") || text.starts_with("http://");
  return has_scheme && std::ranges::all_of(text, [](char byte) {
           constexpr std::string_view kNever = "\"<>\\^`{|}";
           return byte > ' ' && byte <= '~' && !kNever.contains(byte);
         });
}

std::string covers(const Report& report) {
  const std::string time = value_text("seconds", static_cast<double>(report.covers.count()));
  return report.from_daemon ? "watched for " + time : "rates over " + time + ", asked just now";
}

bool is_near(const Measure& measure) {
  if (measure.exceeded || measure.bounds.empty()) {
    return measure.exceeded.has_value();
  }
  const Bound& first = measure.bounds.front();
  return first.value > 0 && (first.side == Bound::Side::above ? measure.value * 2 >= first.value
                                                              : measure.value <= first.value * 2);
}

}  // namespace kubecliff::report
