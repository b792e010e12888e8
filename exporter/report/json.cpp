#include "exporter/report/json.h"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "exporter/config/values.h"

namespace kubecliff::report {
namespace {

// In the order of the fields, which takes a search for each key; what others write is read by
// another.
using Json = nlohmann::ordered_json;
using Parsed = nlohmann::json;

// A struct or what it is const of, so that one list of fields serves reading and writing.
template <typename T, typename Struct>
concept Is = std::same_as<std::remove_const_t<T>, Struct>;

void fields(Is<Mode> auto& mode, auto visit) {
  visit("verdict", mode.verdict);
  visit("kube_proxy", mode.kube_proxy_mode);
  visit("conflicts", mode.conflicts);
}

void fields(Is<Bound> auto& bound, auto visit) {
  visit("severity", bound.severity);
  visit("side", bound.side);
  visit("value", bound.value);
}

void fields(Is<Finding> auto& finding, auto visit) {
  visit("check", finding.check);
  visit("alert", finding.alert);
  visit("severity", finding.severity);
  visit("labels", finding.labels);
  visit("summary", finding.summary);
  visit("description", finding.description);
  visit("next", finding.next);
  visit("runbook", finding.runbook);
  visit("firing_since", finding.firing_since);
}

void fields(Is<Measure> auto& measure, auto visit) {
  visit("check", measure.check);
  visit("group", measure.group);
  visit("labels", measure.labels);
  visit("value", measure.value);
  visit("unit", measure.unit);
  visit("bounds", measure.bounds);
  visit("exceeded", measure.exceeded);
}

void fields(Is<Fact> auto& fact, auto visit) {
  visit("id", fact.id);
  visit("text", fact.text);
  visit("labels", fact.labels);
  visit("value", fact.value);
  visit("unit", fact.unit);
}

void fields(Is<Section> auto& section, auto visit) {
  visit("id", section.id);
  visit("title", section.title);
  visit("facts", section.facts);
}

void fields(Is<Curve::Point> auto& point, auto visit) {
  visit("at", point.at);
  visit("value", point.value);
}

void fields(Is<Curve> auto& curve, auto visit) {
  visit("id", curve.id);
  visit("title", curve.title);
  visit("unit", curve.unit);
  visit("points", curve.points);
  visit("bounds", curve.bounds);
}

void fields(Is<EndpointRow> auto& row, auto visit) {
  visit("address", row.address);
  visit("packets", row.packets);
  visit("share", row.share);
  visit("expected", row.expected);
}

void fields(Is<ServiceRow> auto& row, auto visit) {
  visit("name", row.name);
  visit("address", row.address);
  visit("dataplane", row.dataplane);
  visit("endpoints", row.endpoints);
  visit("rules", row.rules);
  visit("packets", row.packets);
  visit("uneven", row.uneven);
  visit("note", row.note);
}

void fields(Is<TalkerRow> auto& row, auto visit) {
  visit("address", row.address);
  visit("service", row.service);
  visit("flows", row.flows);
  visit("most_error", row.most_error);
}

void fields(Is<StaleRow> auto& row, auto visit) {
  visit("service", row.service);
  visit("address", row.address);
  visit("backend", row.backend);
  visit("flows", row.flows);
}

void fields(Is<Names> auto& names, auto visit) {
  visit("read_at", names.read_at);
  visit("services_by_endpoints", names.services_by_endpoints);
  visit("services_by_rules", names.services_by_rules);
  visit("services_by_packets", names.services_by_packets);
  visit("uneven_services", names.uneven_services);
  visit("flows", names.flows);
  visit("short_lived_flows", names.short_lived_flows);
  visit("sources", names.sources);
  visit("destinations", names.destinations);
  visit("short_lived_sources", names.short_lived_sources);
  visit("short_lived_destinations", names.short_lived_destinations);
  visit("stale_flows_total", names.stale_flows_total);
  visit("stale_flows", names.stale_flows);
  visit("missing", names.missing);
}

void fields(Is<Report> auto& report, auto visit) {
  visit("node", report.node);
  visit("kernel", report.kernel);
  visit("version", report.version);
  visit("at", report.at);
  visit("covers_seconds", report.covers);
  visit("from_daemon", report.from_daemon);
  visit("mode", report.mode);
  visit("findings", report.findings);
  visit("measures", report.measures);
  visit("sections", report.sections);
  visit("curves", report.curves);
  visit("names", report.names);
  visit("names_withheld", report.names_withheld);
  visit("failures", report.failures);
}

// ---- writing

template <typename T>
Json written(const T& value);

Json written(const std::string& text) {
  return text;
}
Json written(bool value) {
  return value;
}
Json written(double value) {
  return value;
}
Json written(std::uint64_t value) {
  return value;
}
Json written(std::chrono::seconds time) {
  return time.count();
}
Json written(WallClock::time_point time) {
  return to_utc(time);
}
Json written(Severity severity) {
  return name(severity);
}
Json written(Bound::Side side) {
  return side == Bound::Side::above ? "above" : "below";
}
Json written(const Labels& labels) {
  return Json(labels);
}
template <typename T>
Json written(const std::optional<T>& value) {
  return value ? written(*value) : Json(nullptr);
}
template <typename T>
Json written(const std::vector<T>& values) {
  Json json = Json::array();
  for (const T& value : values) {
    json.push_back(written(value));
  }
  return json;
}

template <typename T>
Json written(const T& value) {
  Json json = Json::object();
  fields(value, [&](const char* key, const auto& field) { json[key] = written(field); });
  return json;
}

// ---- reading; throws what nlohmann throws, and std::invalid_argument

template <typename T>
void read(const Parsed& json, T& to);

void read(const Parsed& json, std::string& to) {
  to = json.get<std::string>();
}
void read(const Parsed& json, bool& to) {
  to = json.get<bool>();
}
void read(const Parsed& json, double& to) {
  to = json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}
void read(const Parsed& json, std::uint64_t& to) {
  if (!json.is_number_unsigned()) {
    throw std::invalid_argument{"expected a whole number from 0 on"};
  }
  to = json.get<std::uint64_t>();
}
void read(const Parsed& json, std::chrono::seconds& to) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int32_t>::max();
  std::uint64_t count = 0;
  read(json, count);
  to = std::chrono::seconds{std::min(count, kMost)};
}
void read(const Parsed& json, WallClock::time_point& to) {
  const auto time = parse_utc(json.get<std::string>());
  if (!time) {
    throw std::invalid_argument{"expected a time such as 2026-11-22T21:50:03Z"};
  }
  to = *time;
}
void read(const Parsed& json, Severity& to) {
  const auto severity = parse_severity(json.get<std::string>());
  if (!severity) {
    throw std::invalid_argument{"expected info, warning or critical"};
  }
  to = *severity;
}
void read(const Parsed& json, Bound::Side& to) {
  to = json.get<std::string>() == "below" ? Bound::Side::below : Bound::Side::above;
}
void read(const Parsed& json, Labels& to) {
  for (const auto& [key, value] : json.items()) {
    to.emplace(key, value.get<std::string>());
  }
}
template <typename T>
void read(const Parsed& json, std::optional<T>& to) {
  if (!json.is_null()) {
    read(json, to.emplace());
  }
}
template <typename T>
void read(const Parsed& json, std::vector<T>& to) {
  if (!json.is_array()) {
    throw std::invalid_argument{"expected an array"};
  }
  for (const Parsed& value : json) {
    read(value, to.emplace_back());
  }
}

template <typename T>
void read(const Parsed& json, T& to) {
  if (!json.is_object()) {
    throw std::invalid_argument{"expected an object"};
  }
  fields(to, [&](const char* key, auto& field) {
    const auto found = json.find(key);
    if (found == json.end()) {
      return;
    }
    try {
      read(*found, field);
    } catch (const std::exception& error) {
      throw std::invalid_argument{std::string{key} + ": " + error.what()};
    }
  });
}

}  // namespace

std::string to_json(const Report& report) {
  Json json = Json::object();
  json["schema"] = kSchema;
  const auto severity = worst(report);
  json["verdict"] = severity ? name(*severity) : is_known(report) ? "ok" : "unknown";
  json.update(written(report));
  return json.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

Result<Report> from_json(std::string_view text) {
  try {
    const Parsed json = Parsed::parse(text);
    if (!json.is_object() || json.value("schema", "") != kSchema) {
      return fail(ErrorKind::malformed,
                  "expected a report of schema " + std::string{kSchema} + ", got something else");
    }
    for (const char* key : {"node", "at", "measures"}) {
      if (!json.contains(key)) {
        return fail(ErrorKind::malformed, std::string{"a report without the key "} + key);
      }
    }
    Report report;
    read(json, report);
    return report;
  } catch (const std::exception& error) {
    return fail(ErrorKind::malformed, std::string{"a report that cannot be read: "} + error.what());
  }
}

}  // namespace kubecliff::report
