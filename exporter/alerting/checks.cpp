#include "exporter/alerting/checks.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "exporter/alerting/default_checks.h"
#include "exporter/config/config_file.h"
#include "exporter/config/values.h"

namespace kubecliff {
namespace {

// Reads one entry after the other; the file's order is that of the checks.
class Reader {
 public:
  // What is wrong with it, or empty.
  std::string take(const FileEntry& entry) {
    constexpr std::string_view kPrefix = "checks.";
    if (entry.key == "node_labels") {
      checks_.node_labels = entry.values;
      return {};
    }
    if (entry.key == "runbooks") {
      return text(entry, checks_.runbooks);
    }
    if (!entry.key.starts_with(kPrefix)) {
      return entry.key + ": no such key";
    }
    const std::string_view path = std::string_view{entry.key}.substr(kPrefix.size());
    const std::size_t dot = path.find('.');
    if (dot == std::string_view::npos) {
      return entry.key + ": expected a check, with its keys";
    }
    const std::string_view name = path.substr(0, dot);
    if (checks_.all.empty() || checks_.all.back().name != name) {
      if (std::string wrong = finish_last(); !wrong.empty()) {
        return wrong;
      }
      checks_.all.emplace_back().name = name;
      prometheus_only_ = false;
    }
    return take_field(entry, path.substr(dot + 1), checks_.all.back());
  }

  // What the last check lacks, or empty.
  std::string finish_last() {
    if (checks_.all.empty()) {
      return {};
    }
    Check& check = checks_.all.back();
    for (const auto& [key, text] :
         {std::pair{"group", &check.group}, std::pair{"value", &check.value_text},
          std::pair{"unit", &check.unit}, std::pair{"summary", &check.summary},
          std::pair{"description", &check.description}, std::pair{"source", &check.source},
          std::pair{"reason", &check.reason}}) {
      if (text->empty()) {
        return check.name + ": expected the key " + key;
      }
    }
    if (check.bounds.empty()) {
      return check.name + ": expected info, warning or critical";
    }
    if (!prometheus_only_) {
      auto parsed = parse_expression(check.value_text);
      if (!parsed) {
        return check.name + ".value: " + parsed.error().message;
      }
      check.value = std::move(*parsed);
    }
    return {};
  }

  Checks take_all() { return std::move(checks_); }

 private:
  static std::string text(const FileEntry& entry, std::string& out) {
    if (entry.form != FileEntry::Form::scalar) {
      return entry.key + ": expected a text";
    }
    out = entry.values.front();
    return {};
  }

  std::string take_field(const FileEntry& entry, std::string_view field, Check& check) {
    const std::array<std::pair<std::string_view, std::string*>, 8> texts{
        {{"group", &check.group},
         {"value", &check.value_text},
         {"unit", &check.unit},
         {"summary", &check.summary},
         {"description", &check.description},
         {"next", &check.next},
         {"source", &check.source},
         {"reason", &check.reason}}};
    const auto* found =
        std::ranges::find(texts, field, &std::pair<std::string_view, std::string*>::first);
    if (found != texts.end()) {
      return text(entry, *found->second);
    }
    if (field == "labels") {
      check.labels = entry.values;
      return {};
    }
    if (field == "only") {
      prometheus_only_ = entry.values == std::vector<std::string>{"prometheus"};
      return prometheus_only_ ? "" : entry.key + ": expected prometheus";
    }
    return take_bound(entry, field, check);
  }

  static std::string take_bound(const FileEntry& entry, std::string_view field, Check& check) {
    const std::size_t dot = std::min(field.find('.'), field.size());
    const auto severity = parse_severity(field.substr(0, dot));
    if (!severity || dot == field.size() || entry.values.size() != 1) {
      return entry.key + ": no such key";
    }
    if (check.bounds.empty() || check.bounds.back().severity != *severity) {
      if (!check.bounds.empty() && check.bounds.back().severity > *severity) {
        return entry.key + ": expected the least severe bound first";
      }
      check.bounds.push_back({.severity = *severity});
    }
    Bound& bound = check.bounds.back();
    const std::string_view part = field.substr(dot + 1);
    if (part == "above" || part == "below") {
      const auto number = parse_number(entry.values.front());
      bound.side = part == "above" ? Bound::Side::above : Bound::Side::below;
      bound.value = number.value_or(0);
      return number ? "" : entry.key + ": expected a number";
    }
    if (part == "for" || part == "keep") {
      const auto duration = parse_duration(entry.values.front());
      (part == "for" ? bound.hold : bound.keep) = duration.value_or(Duration{});
      return duration ? "" : entry.key + ": expected a duration such as 10m";
    }
    return entry.key + ": no such key";
  }

  Checks checks_;
  bool prometheus_only_ = false;
};

// What a record of alerting.thresholds says of a severity: the keys of its bound and of its time.
struct BoundKeys {
  Severity severity;
  std::string_view bound;
  std::string_view hold;
};
constexpr std::array kBoundKeys{BoundKeys{Severity::info, "info", "info-for"},
                                BoundKeys{Severity::warning, "warning", "warning-for"},
                                BoundKeys{Severity::critical, "critical", "critical-for"}};
constexpr std::string_view kOff = "off";

bool is_bound(std::string_view text) {
  return text.empty() || text == kOff || parse_number(text).has_value();
}

bool is_hold(std::string_view text) {
  return text.empty() || parse_duration(text).has_value();
}

const Check* find_check(std::string_view name) {
  const std::vector<Check>& all = default_checks().all;
  const auto found = std::ranges::find(all, name, &Check::name);
  return found == all.end() ? nullptr : &*found;
}

std::string unknown_check(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Check& check : default_checks().all) {
    names.push_back(check.name);
  }
  const auto meant = closest(name, names);
  return "check: expected one of alerts/thresholds.yaml, got \"" + name + "\"" +
         (meant ? "; did you mean " + std::string{*meant} + "?" : std::string{});
}

// What is worse must be further than what is less bad, as changed; what is wrong with that, or
// empty.
std::string out_of_order(const Check& check, const Options& change) {
  std::optional<Bound> before;
  for (Bound bound : check.bounds) {
    const auto* keys = std::ranges::find(kBoundKeys, bound.severity, &BoundKeys::severity);
    const auto& text = change.get<std::string>(keys->bound);
    if (text == kOff) {
      continue;
    }
    bound.value = parse_number(text).value_or(bound.value);
    if (before && !before->exceeded_by(bound.value)) {
      return std::string{name(before->severity)} + ": expected " +
             (bound.side == Bound::Side::above ? "less" : "more") + " than " +
             std::string{name(bound.severity)} + "'s " + to_text(bound.value) + ", got " +
             to_text(before->value);
    }
    before = bound;
  }
  return {};
}

std::string wrong_change(std::span<const Options> records) {
  const Options& change = records.back();
  const auto& name = change.get<std::string>("check");
  const Check* check = find_check(name);
  if (check == nullptr) {
    return unknown_check(name);
  }
  if (std::ranges::count(records, name,
                         [](const Options& one) { return one.get<std::string>("check"); }) > 1) {
    return "check: expected once, got " + name + " twice";
  }
  if (check->value == nullptr) {
    return "check: " + name + " is Prometheus' alone; change its rule";
  }
  for (const BoundKeys& keys : kBoundKeys) {
    const auto& text = change.get<std::string>(keys.bound);
    const bool there =
        std::ranges::find(check->bounds, keys.severity, &Bound::severity) != check->bounds.end();
    if (!there && !(text.empty() && change.get<std::string>(keys.hold).empty())) {
      return std::string{keys.bound} + ": " + name + " has no such severity";
    }
    if (!check->has_threshold() && !text.empty() && text != kOff) {
      return std::string{keys.bound} + ": expected off, as " + name + " has no bound to change";
    }
  }
  return check->has_threshold() ? out_of_order(*check, change) : std::string{};
}

}  // namespace

std::string Check::alert_name() const {
  std::string text = "Kubecliff";
  bool begins = true;
  for (const char byte : name) {
    if (byte != '_') {
      text += begins && byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 'a' + 'A') : byte;
    }
    begins = byte == '_';
  }
  return text;
}

Result<Checks> parse_checks(std::string_view yaml, std::string_view name) {
  Reader reader;
  auto read = visit_config_text(yaml, name,
                                [&reader](const FileEntry& entry) { return reader.take(entry); });
  if (!read) {
    return std::unexpected(read.error());
  }
  if (const std::string wrong = reader.finish_last(); !wrong.empty()) {
    return fail(ErrorKind::malformed, std::string{name} + ": " + wrong);
  }
  return reader.take_all();
}

const Checks& default_checks() {
  static const Checks checks = [] {
    auto parsed = parse_checks(default_checks_text(), "alerts/thresholds.yaml");
    if (!parsed) {
      std::abort();  // a test reads it before anybody else does
    }
    return std::move(*parsed);
  }();
  return checks;
}

const RecordSpec& threshold_record() {
  const auto bound = [](std::string_view key, std::string_view help) {
    return OptionSpec{.name = key,
                      .default_value = std::string{},
                      .help = help,
                      .accepts = is_bound,
                      .expected = "a number or off"};
  };
  const auto hold = [](std::string_view key, std::string_view help) {
    return OptionSpec{.name = key,
                      .default_value = std::string{},
                      .help = help,
                      .accepts = is_hold,
                      .expected = "a duration such as 10m"};
  };
  static const std::array fields{
      OptionSpec{.name = "check",
                 .default_value = std::string{},
                 .help = "a check of alerts/thresholds.yaml"},
      bound("info", "its bound for info, or off"),
      bound("warning", "the same for warning"),
      bound("critical", "the same for critical"),
      hold("info-for", "for how long before info is raised"),
      hold("warning-for", "the same for warning"),
      hold("critical-for", "the same for critical"),
  };
  static const RecordSpec record{.fields = fields, .wrong = wrong_change};
  return record;
}

Checks changed_checks(const Records& changes) {
  Checks checks = default_checks();
  for (const Options& change : changes) {
    const auto check =
        std::ranges::find(checks.all, change.get<std::string>("check"), &Check::name);
    for (const BoundKeys& keys : kBoundKeys) {
      const auto bound = std::ranges::find(check->bounds, keys.severity, &Bound::severity);
      if (bound == check->bounds.end()) {
        continue;
      }
      const auto& hold = change.get<std::string>(keys.hold);
      bound->hold = parse_duration(hold).value_or(bound->hold);
      const auto& text = change.get<std::string>(keys.bound);
      bound->value = parse_number(text).value_or(bound->value);
      if (text == kOff) {
        check->bounds.erase(bound);
      }
    }
  }
  return checks;
}

}  // namespace kubecliff
