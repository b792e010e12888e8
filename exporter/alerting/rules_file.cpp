#include "exporter/alerting/rules_file.h"

#include <span>
#include <string_view>

#include "exporter/alerting/words.h"
#include "exporter/config/values.h"

namespace kubecliff {
namespace {

std::string joined(std::span<const std::string> words) {
  std::string text;
  for (const std::string& word : words) {
    text.append(text.empty() ? "" : ", ").append(word);
  }
  return text;
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char byte : text) {
    out.append(byte == '\'' ? 2 : 1, byte);
  }
  return out + "'";
}

std::string expression(const Checks& checks, const Check& check, const Bound& bound) {
  const bool above = bound.side == Bound::Side::above;
  const std::string nodes = joined(checks.node_labels);
  const std::string labels = check.labels.empty() ? nodes : nodes + ", " + joined(check.labels);
  const std::string indent(10, ' ');
  std::string text = indent + (above ? "max" : "min") + " by (" + labels + ") (\n";
  text += indent + "  " + check.value_text + "\n" + indent + ")";
  const std::string compare = above ? ">" : "<";
  if (!check.has_threshold()) {
    return text + " " + compare + " " + to_text(bound.value) + "\n";
  }
  text += "\n" + indent + compare + " on (" + nodes + ") group_left ()\n";
  return text + indent + "max by (" + nodes + ") (kubecliff_threshold{check=\"" + check.name +
         "\", severity=\"" + std::string{name(bound.severity)} + "\"})\n";
}

std::string rule(const Checks& checks, const Check& check, const Bound& bound) {
  std::string text = "      - alert: " + check.alert_name() + "\n        expr: |-\n";
  text += expression(checks, check, bound);
  if (bound.hold > Duration::zero()) {
    text += "        for: " + to_text(bound.hold) + "\n";
  }
  if (bound.keep > Duration::zero()) {
    text += "        keep_firing_for: " + to_text(bound.keep) + "\n";
  }
  text += "        labels:\n          severity: " + std::string{name(bound.severity)} + "\n";
  text += "        annotations:\n";
  text += "          summary: " + quoted(prometheus_template(check.summary, check.unit)) + "\n";
  text +=
      "          description: " + quoted(prometheus_template(check.description, check.unit)) + "\n";
  return text + "          runbook_url: " + quoted(checks.runbook_of(check)) + "\n";
}

}  // namespace

std::string prometheus_rules(const Checks& checks) {
  std::string text =
      "# Written by `kubecliff alert rules` from alerts/thresholds.yaml, which is the file to "
      "edit.\n"
      "groups:\n";
  std::string_view group;
  for (const Check& check : checks.all) {
    if (check.group != group) {
      group = check.group;
      text += "  - name: kubecliff-" + check.group + "\n    rules:\n";
    }
    for (const Bound& bound : check.bounds) {
      text += rule(checks, check, bound);
    }
  }
  return text;
}

}  // namespace kubecliff
