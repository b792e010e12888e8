#include "exporter/config/setting_table.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "exporter/alerting/checks.h"
#include "exporter/config/values.h"
#include "exporter/http/listen_address.h"

namespace kubecliff {
namespace {

bool is_telemetry_path(std::string_view text) {
  const auto allowed = [](char byte) {
    return byte > ' ' && byte < '\x7F' &&
           std::string_view{"?#%*|$"}.find(byte) == std::string_view::npos;
  };
  return text.size() > 1 && text.front() == '/' && !text.starts_with("/-/") &&
         std::ranges::all_of(text, allowed);
}

template <typename T, std::size_t N>
using Names = std::array<std::pair<std::string_view, T>, N>;

constexpr Names<LogLevel, 4> kLogLevels{{{"debug", LogLevel::debug},
                                         {"info", LogLevel::info},
                                         {"warn", LogLevel::warn},
                                         {"error", LogLevel::error}}};
constexpr Names<LogFormat, 2> kLogFormats{
    {{"logfmt", LogFormat::logfmt}, {"json", LogFormat::json}}};
constexpr Names<sandbox::Seccomp, 4> kSeccomp{{{"off", sandbox::Seccomp::off},
                                               {"log", sandbox::Seccomp::log},
                                               {"refuse", sandbox::Seccomp::refuse},
                                               {"kill", sandbox::Seccomp::kill}}};

template <typename T, std::size_t N>
bool store_named(const Names<T, N>& names, std::string_view text, T& out) {
  const auto* found = std::ranges::find(names, text, &std::pair<std::string_view, T>::first);
  if (found == names.end()) {
    return false;
  }
  out = found->second;
  return true;
}

SettingTable program_settings() {
  return {
      {.key = std::string{kConfigFileKey},
       .group = "Configuration",
       .place = Place::flag_only,
       .value_name = "FILE",
       .expected = "a file",
       .help = "YAML file that may hold every other option here. Read again on SIGHUP.",
       .store = [](SettingsDraft&, std::string_view text) { return !text.empty(); }},
      {.key = "path.procfs",
       .group = "Configuration",
       .value_name = "DIRECTORY",
       .expected = "a directory",
       .default_text = "/proc",
       .help = "Where the node's proc file system is mounted.",
       .store =
           [](SettingsDraft& draft, std::string_view text) {
             draft.settings.procfs = text;
             return !text.empty();
           }},
      {.key = "web.listen-address",
       .group = "Web",
       .arity = Arity::many,
       .value_name = "[HOST]:PORT",
       .expected = "[HOST]:PORT such as :9909 or [::1]:9909, each once",
       .default_text = ":9909",
       .help = "Address to serve on, an IPv6 host in brackets. May be given several times.",
       .store =
           [](SettingsDraft& draft, std::string_view text) {
             const auto known = std::ranges::find(draft.listen_addresses, text);
             const bool fits =
                 known == draft.listen_addresses.end() && http::parse_listen_address(text);
             draft.listen_addresses.emplace_back(text);
             return fits;
           }},
      {.key = "web.telemetry-path",
       .group = "Web",
       .value_name = "PATH",
       .expected = "a path such as /metrics, other than / and /-/…",
       .default_text = "/metrics",
       .help = "Where the metrics are served.",
       .store =
           [](SettingsDraft& draft, std::string_view text) {
             draft.settings.telemetry_path = text;
             return is_telemetry_path(text);
           }},
      {.key = "web.config.file",
       .group = "Web",
       .value_name = "FILE",
       .expected = "a file",
       .help = "TLS and authentication, in the format of Prometheus' exporter-toolkit.",
       .store =
           [](SettingsDraft& draft, std::string_view text) {
             draft.settings.web_config_file = text;
             return !text.empty();
           }},
      {.key = "log.level",
       .group = "Logs",
       .value_name = "LEVEL",
       .expected = "debug, info, warn or error",
       .default_text = "info",
       .help = "Least severe messages that are logged: debug, info, warn or error.",
       .store =
           [](SettingsDraft& draft, std::string_view text) {
             return store_named(kLogLevels, text, draft.settings.log_level);
           }},
      {.key = "log.format",
       .group = "Logs",
       .value_name = "FORMAT",
       .expected = "logfmt or json",
       .default_text = "logfmt",
       .help = "logfmt or json, one line for each event on standard error.",
       .store =
           [](SettingsDraft& draft, std::string_view text) {
             return store_named(kLogFormats, text, draft.settings.log_format);
           }},
      {.key = "process.seccomp",
       .group = "Process",
       .value_name = "ACTION",
       .expected = "off, log, refuse or kill",
       .default_text = "off",
       .help =
           "What becomes of system calls that this program has no use for: the kernel logs them, "
           "refuses them as unknown, or kills the process. Holds from the start until the end.",
       .store =
           [](SettingsDraft& draft, std::string_view text) {
             return store_named(kSeccomp, text, draft.settings.seccomp);
           }},
      {.key = "collector.disable-defaults",
       .group = "Collectors",
       .arity = Arity::on_off,
       .expected = "true or false",
       .default_text = "off",
       .help = "Run only the collectors that are named by --collector.NAME.",
       .store =
           [](SettingsDraft& draft, std::string_view text) {
             draft.disable_defaults = parse_bool(text).value_or(false);
             return parse_bool(text).has_value();
           }},
      {.key = "collector.cpu-budget",
       .group = "Collectors",
       .value_name = "SHARE",
       .expected = "a share of one core, above 0 and at most 1",
       .default_text = "0.01",
       .help =
           "Share of one core that each background collector may use: after a reading that cost "
           "c seconds of CPU, the next one waits at least c/SHARE.",
       .store =
           [](SettingsDraft& draft, std::string_view text) {
             const double share = parse_number(text).value_or(0);
             draft.settings.cpu_budget = share;
             return share > 0 && share <= 1;
           }},
  };
}

Setting collector_switch(const CollectorSpec& spec) {
  const std::string name{spec.name};
  return {.key = "collector." + name,
          .group = "Collectors",
          .arity = Arity::on_off,
          .expected = "true or false",
          .default_text = spec.enabled == Default::on ? "on" : "off",
          .help = std::string{spec.summary},
          .store = [name](SettingsDraft& draft, std::string_view text) {
            draft.switched[name] = parse_bool(text).value_or(false);
            return parse_bool(text).has_value();
          }};
}

// How an option of each type is described and read.
struct OptionShape {
  Arity arity = Arity::one;
  std::string_view value_name = {};
  std::string expected;
  std::string default_text;
  std::function<std::optional<OptionValue>(std::string_view)> parse;
};

template <typename Parse>
OptionShape shape(std::string_view value_name, const std::string& expected,
                  const std::string& default_text, Parse parse) {
  return {.value_name = value_name,
          .expected = expected,
          .default_text = default_text,
          .parse = [parse](std::string_view text) -> std::optional<OptionValue> {
            const auto value = parse(text);
            return value ? std::optional<OptionValue>{*value} : std::nullopt;
          }};
}

OptionShape shape_of(const OptionSpec& option) {
  const double least = option.least;
  return std::visit(
      [least, &option](const auto& value) -> OptionShape {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, bool>) {
          return {.arity = Arity::on_off,
                  .expected = "true or false",
                  .default_text = value ? "on" : "off",
                  .parse = [](std::string_view text) -> std::optional<OptionValue> {
                    return parse_bool(text);
                  }};
        } else if constexpr (std::is_same_v<T, std::string>) {
          return {.value_name = "TEXT",
                  .expected = std::string{option.expected},
                  .default_text = value,
                  .parse = [accepts = option.accepts](std::string_view text) {
                    return accepts(text) ? std::optional<OptionValue>{std::string{text}}
                                         : std::nullopt;
                  }};
        } else if constexpr (std::is_same_v<T, Duration>) {
          const auto least_duration =
              std::chrono::duration_cast<Duration>(std::chrono::duration<double>{least});
          return shape("DURATION",
                       "a duration such as 30s or 1h30m, at least " + to_text(least_duration),
                       to_text(value), [least_duration](std::string_view text) {
                         const auto parsed = parse_duration(text);
                         return parsed && *parsed >= least_duration ? parsed : std::nullopt;
                       });
        } else if constexpr (std::is_same_v<T, Records>) {
          return {};  // record_option() is for those
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          return shape("NUMBER", "a whole number, at least " + to_text(least),
                       std::to_string(value), [least](std::string_view text) {
                         const auto parsed = parse_integer(text);
                         return parsed && static_cast<double>(*parsed) >= least ? parsed
                                                                                : std::nullopt;
                       });
        } else {
          return shape("NUMBER", "a number, at least " + to_text(least), to_text(value),
                       [least](std::string_view text) {
                         const auto parsed = parse_number(text);
                         return parsed && *parsed >= least ? parsed : std::nullopt;
                       });
        }
      },
      option.default_value);
}

// A comma ends a value where a key follows it; URLs have commas too.
WrittenRecord split_record(std::span<const OptionSpec> fields, std::string_view text) {
  const auto begins_field = [fields](std::string_view rest) {
    return std::ranges::any_of(fields, [rest](const OptionSpec& field) {
      return rest.starts_with(field.name) && rest.substr(field.name.size()).starts_with('=');
    });
  };
  WrittenRecord record;
  while (!text.empty()) {
    std::size_t end = text.find(',');
    while (end != std::string_view::npos && !begins_field(text.substr(end + 1))) {
      end = text.find(',', end + 1);
    }
    const std::string_view piece = text.substr(0, end);
    const std::size_t equals = std::min(piece.find('='), piece.size());
    record.emplace_back(piece.substr(0, equals), piece.substr(std::min(equals + 1, piece.size())));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return record;
}

std::string unknown_field(std::span<const OptionSpec> fields, const std::string& key) {
  std::string names;
  for (const OptionSpec& field : fields) {
    names += names.empty() ? "" : ", ";
    names += field.name;
  }
  return "expected one of the keys " + names + ", got \"" + key + "\"";
}

// Keeps the record, every field in it; what is wrong with it, or empty.
std::string store_record(const RecordSpec& record, Records& records, const WrittenRecord& written) {
  const std::span<const OptionSpec> fields = record.fields;
  std::map<std::string, OptionValue, std::less<>> values;
  for (const auto& [key, text] : written) {
    const auto field = std::ranges::find(fields, key, &OptionSpec::name);
    if (field == fields.end()) {
      return unknown_field(fields, key);
    }
    const OptionShape shape = shape_of(*field);
    const auto value = shape.parse(text);
    if (!value) {
      std::string wrong = key + ": expected " + shape.expected;
      return wrong.append(", got \"").append(text).append("\"");
    }
    if (!values.emplace(key, *value).second) {
      return key + ": expected once, got it twice";
    }
  }
  for (const OptionSpec& field : fields) {
    values.emplace(field.name, field.default_value);
  }

  records.emplace_back(std::move(values));
  return record.wrong(records);
}

// `records` finds in a draft where they are kept.
Setting record_setting(Setting setting, const RecordSpec& record,
                       const std::function<Records&(SettingsDraft&)>& records) {
  for (const OptionSpec& field : record.fields) {
    const std::string default_text = shape_of(field).default_text;
    setting.help += " " + std::string{field.name} + ": " + std::string{field.help};
    setting.help += default_text.empty() ? "." : " (" + default_text + ").";
  }
  setting.arity = Arity::records;
  setting.value_name = "KEY=VALUE,...";
  setting.store_record = [record, records](SettingsDraft& draft, const WrittenRecord& written) {
    return store_record(record, records(draft), written);
  };
  setting.split = [fields = record.fields](std::string_view text) {
    return split_record(fields, text);
  };
  return setting;
}

Setting record_option(const OptionSpec& option) {
  return record_setting(
      {.key = "collector." + std::string{option.name},
       .group = "Collectors",
       .expected = std::string{option.expected},
       .help = std::string{option.help}},
      *option.record, [name = std::string{option.name}](SettingsDraft& draft) -> Records& {
        return std::get<Records>(draft.options.try_emplace(name, Records{}).first->second);
      });
}

SettingTable alerting_settings() {
  return {
      {.key = "alerting.config",
       .group = "Alerts",
       .value_name = "FILE",
       .expected = "a file",
       .help = "Evaluate the checks of alerts/thresholds.yaml here too, and tell those whom this "
               "file names: Alertmanager, PagerDuty, webhooks.",
       .store =
           [](SettingsDraft& draft, std::string_view text) {
             draft.settings.alerting_config_file = text;
             return !text.empty();
           }},
      {.key = "alerting.runbooks",
       .group = "Alerts",
       .value_name = "URL",
       .expected = "a URL",
       .help = "Where runbooks are read, if not where alerts/thresholds.yaml says: an alert's name "
               "and .md follow.",
       .store =
           [](SettingsDraft& draft, std::string_view text) {
             draft.settings.runbooks = text;
             return text.find("://") != std::string_view::npos;
           }},
      record_setting({.key = "alerting.thresholds",
                      .group = "Alerts",
                      .expected = "a list of maps, one for each check that is changed",
                      .help = "Other bounds for a check than those of alerts/thresholds.yaml. "
                              "May be given several times; in the file, a list of maps."},
                     threshold_record(),
                     [](SettingsDraft& draft) -> Records& { return draft.settings.thresholds; }),
  };
}

Setting collector_option(const OptionSpec& option) {
  if (option.record != nullptr) {
    return record_option(option);
  }
  OptionShape found = shape_of(option);
  const std::string name{option.name};
  return {
      .key = "collector." + name,
      .group = "Collectors",
      .arity = found.arity,
      .value_name = std::string{found.value_name},
      .expected = std::move(found.expected),
      .default_text = std::move(found.default_text),
      .help = std::string{option.help},
      .store = [name, parse = std::move(found.parse)](SettingsDraft& draft, std::string_view text) {
        const auto value = parse(text);
        if (value) {
          draft.options[name] = *value;
        }
        return value.has_value();
      }};
}

}  // namespace

SettingTable setting_table(std::span<const CollectorSpec> specs) {
  SettingTable table = program_settings();
  for (const CollectorSpec& spec : specs) {
    table.push_back(collector_switch(spec));
    std::ranges::transform(spec.options, std::back_inserter(table), collector_option);
  }
  std::ranges::move(alerting_settings(), std::back_inserter(table));
  return table;
}

const Setting* find_setting(const SettingTable& table, std::string_view key) {
  const auto found = std::ranges::find(table, key, &Setting::key);
  return found == table.end() ? nullptr : &*found;
}

std::string_view suggest_key(const SettingTable& table, std::string_view key) {
  std::vector<std::string_view> keys;
  std::ranges::transform(table, std::back_inserter(keys), &Setting::key);
  return closest(key, keys).value_or(std::string_view{});
}

Settings finish(SettingsDraft draft, std::span<const CollectorSpec> specs) {
  Settings settings = std::move(draft.settings);
  if (!draft.listen_addresses.empty()) {
    settings.listen_addresses = std::move(draft.listen_addresses);
  }

  const auto wanted = [&draft](const CollectorSpec& spec) {
    const auto named = draft.switched.find(spec.name);
    return named != draft.switched.end() ? named->second
                                         : spec.enabled == Default::on && !draft.disable_defaults;
  };
  const auto parent_wanted = [&](const CollectorSpec& spec) {
    const std::size_t dot = spec.name.find('.');
    const auto parent = std::ranges::find(specs, spec.name.substr(0, dot), &CollectorSpec::name);
    return dot == std::string_view::npos || (parent != specs.end() && wanted(*parent));
  };
  for (const CollectorSpec& spec : specs) {
    if (!wanted(spec) || !parent_wanted(spec)) {
      continue;
    }
    std::map<std::string, OptionValue, std::less<>> values;
    for (const OptionSpec& option : spec.options) {
      const auto given = draft.options.find(option.name);
      values.emplace(option.name,
                     given != draft.options.end() ? given->second : option.default_value);
    }
    settings.collectors.emplace(spec.name, Options{std::move(values)});
  }
  return settings;
}

}  // namespace kubecliff
