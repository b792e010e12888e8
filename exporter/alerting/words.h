// The words of alerts: the templates of alerts/thresholds.yaml, filled in here for an alert of this
// node, or turned into Prometheus' own templates. Both come to the same text. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "exporter/alerting/alert.h"

namespace kubecliff {

// `{{ $value }}` is the value in its unit, `{{ $node }}` the label node, or else instance,
// `{{ $labels.NAME }}` any label.
[[nodiscard]] std::string filled_in(std::string_view text, std::string_view unit, double value,
                                    const Labels& labels);

// The same for Prometheus to fill in.
[[nodiscard]] std::string prometheus_template(std::string_view text, std::string_view unit);

// "71.2%", "3m 20s", "5000 Services".
[[nodiscard]] std::string value_text(std::string_view unit, double value);

}  // namespace kubecliff
