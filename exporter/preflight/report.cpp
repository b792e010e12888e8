#include "exporter/preflight/report.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "exporter/console/text.h"

namespace kubecliff::preflight {
namespace {

using console::padded;
using console::printable;
using console::upper;
using console::wrapped;
using nlohmann::ordered_json;

constexpr std::size_t kOutcomeWidth = 9;  // "blocked" and a gap

// Those that need somebody are in capitals.
std::string word(Outcome outcome) {
  return padded(outcome >= Outcome::unknown ? upper(name(outcome)) : std::string{name(outcome)},
                kOutcomeWidth);
}

// What is fine is one line of a table; the rest has a paragraph each.
std::string text_of(const Check& check, std::size_t id_width) {
  if (check.outcome == Outcome::ok) {
    const std::size_t indent = kOutcomeWidth + id_width;
    return word(check.outcome) + padded(printable(check.id), id_width) +
           wrapped(printable(check.found), indent, indent);
  }
  const std::string indent(kOutcomeWidth, ' ');
  std::string text = word(check.outcome) + printable(check.id) + "\n" + indent +
                     wrapped(printable(check.found), kOutcomeWidth, kOutcomeWidth);
  if (!check.advice.empty()) {
    text += indent + "-> " + wrapped(printable(check.advice), kOutcomeWidth + 3, kOutcomeWidth + 3);
  }
  return text;
}

std::vector<const Check*> worst_first(const Checks& checks) {
  std::vector<const Check*> sorted;
  std::ranges::transform(checks, std::back_inserter(sorted),
                         [](const Check& check) { return &check; });
  std::ranges::stable_sort(sorted, std::ranges::greater{}, &Check::outcome);
  return sorted;
}

std::string ids(const Checks& checks, Outcome outcome) {
  std::string text;
  for (const Check& check : checks) {
    if (check.outcome == outcome) {
      text += (text.empty() ? "" : ", ") + printable(check.id);
    }
  }
  return text;
}

std::string conclusion(const Report& report) {
  const std::string target{name(report.target)};
  std::string text;
  switch (verdict_of(report.checks)) {
    case Verdict::blocked:
      text = "Blocked: do not move this node to " + target + " yet. See " +
             ids(report.checks, Outcome::blocked) + ".";
      break;
    case Verdict::unknown:
      text = "Unknown: whether this node is ready for " + target + " cannot be told. See " +
             ids(report.checks, Outcome::unknown) + ".";
      break;
    case Verdict::ready:
      const std::string warnings = ids(report.checks, Outcome::warning);
      text = "Ready: this node can be moved to " + target +
             (warnings.empty() ? "." : "; look first at " + warnings + ".");
      break;
  }
  return wrapped(text, 0, 0);
}

ordered_json or_null(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(printable(text));
}

}  // namespace

std::string to_text(const Report& report) {
  const Facts& facts = report.facts;
  std::string text = "kubecliff preflight: node " + printable(facts.node) + ", from " +
                     (facts.mode ? *facts.mode : "an unknown mode") + " to " +
                     std::string{name(report.target)} + "\n\n";
  std::size_t id_width = 0;
  for (const Check& check : report.checks) {
    id_width = std::max(id_width, check.outcome == Outcome::ok ? check.id.size() + 2 : 0);
  }
  for (const Check* check : worst_first(report.checks)) {
    text += text_of(*check, id_width);
  }
  return text + "\n" + conclusion(report);
}

std::string to_json(const Report& report) {
  const Facts& facts = report.facts;
  ordered_json json;
  json["verdict"] = name(verdict_of(report.checks));
  json["exit_code"] = report.exit_code;
  json["target"] = name(report.target);
  json["node"] = or_null(facts.node);
  json["mode"] = or_null(facts.mode.value_or(""));
  json["kernel"] = or_null(facts.kernel);
  json["kube_proxy"] = {{"version", or_null(facts.kube_proxy.version)},
                        {"mode", or_null(facts.kube_proxy.mode)}};
  json["checks"] = ordered_json::array();
  for (const Check* check : worst_first(report.checks)) {
    json["checks"].push_back({{"id", printable(check->id)},
                              {"outcome", name(check->outcome)},
                              {"found", printable(check->found)},
                              {"advice", printable(check->advice)}});
  }
  return json.dump(2) + "\n";
}

}  // namespace kubecliff::preflight
