// The checks: what is asked of this node, and from where on the answer is bad.
// alerts/thresholds.yaml holds them; it is compiled in.
//
// Values; made once, and again where the configuration changes a bound. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/options.h"
#include "collectors/core/result.h"
#include "exporter/alerting/alert.h"
#include "exporter/alerting/expression.h"

namespace kubecliff {

struct Bound {
  enum class Side : std::uint8_t { above, below };

  Severity severity{};
  Side side{};
  double value = 0;
  Duration hold{};  // for so long it must be exceeded
  Duration keep{};  // for so long an alert goes on after it is not

  [[nodiscard]] bool exceeded_by(double answer) const {
    return side == Side::above ? answer > value : answer < value;
  }

  friend bool operator==(const Bound&, const Bound&) = default;
};

struct Check {
  std::string name;
  std::string group;
  std::string value_text;
  ExpressionPtr value;  // null where only Prometheus can answer
  std::string unit;
  std::vector<std::string> labels;
  std::vector<Bound> bounds;  // the least severe first
  std::string summary;
  std::string description;
  std::string next;  // what to do first, for reports
  std::string source;
  std::string reason;

  // KubecliffConntrackUse, of conntrack_use.
  [[nodiscard]] std::string alert_name() const;
  // Whether its bounds are figures that somebody may want different, not just yes or no.
  [[nodiscard]] bool has_threshold() const { return unit != "state" && value != nullptr; }
};

struct Checks {
  std::vector<Check> all;
  std::vector<std::string> node_labels;  // those that tell nodes apart, in Prometheus
  std::string runbooks;                  // an alert's name and .md follow

  [[nodiscard]] std::string runbook_of(const Check& check) const {
    return runbooks + check.alert_name() + ".md";
  }
};

// The error is one line, `NAME:LINE: …`.
[[nodiscard]] Result<Checks> parse_checks(std::string_view yaml, std::string_view name);

// What is compiled in.
[[nodiscard]] const Checks& default_checks();

// What the configuration's alerting.thresholds says of a check, as a list of records.
[[nodiscard]] const RecordSpec& threshold_record();

// The default ones with `changes`, which threshold_record() has found right.
[[nodiscard]] Checks changed_checks(const Records& changes);

}  // namespace kubecliff
