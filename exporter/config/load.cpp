#include "exporter/config/load.h"

#include <string_view>
#include <utility>

#include "exporter/config/config_file.h"

namespace kubecliff {
namespace {

// Empty where all is well, otherwise "expected …, got …".
std::string store_all(const Setting& setting, std::span<const std::string> values,
                      SettingsDraft& draft) {
  for (const std::string& value : values) {
    if (setting.arity == Arity::records) {
      std::string wrong = setting.store_record(draft, setting.split(value));
      if (!wrong.empty()) {
        return wrong;
      }
    } else if (!setting.store(draft, value)) {
      return "expected " + setting.expected + ", got \"" + value + "\"";
    }
  }
  return {};
}

std::string store_entry(const SettingTable& table, const FileEntry& entry, SettingsDraft& draft) {
  const Setting* setting = find_setting(table, entry.key);
  if (setting == nullptr) {
    const std::string_view suggestion = suggest_key(table, entry.key);
    return entry.key + ": expected a key that --help lists, got an unknown one" +
           (suggestion.empty() ? "" : "; did you mean " + std::string{suggestion} + "?");
  }
  if (setting->place == Place::flag_only) {
    return entry.key + ": expected on the command line, got it in the file";
  }
  if (setting->arity == Arity::records) {
    if (entry.form == FileEntry::Form::record) {
      const std::string wrong = setting->store_record(draft, entry.fields);
      return wrong.empty() ? "" : entry.key + ": " + wrong;
    }
    const bool none = entry.form == FileEntry::Form::list && entry.values.empty();
    return none ? "" : entry.key + ": expected " + setting->expected + ", got something else";
  }
  const bool fits = entry.form == FileEntry::Form::scalar ||
                    (entry.form == FileEntry::Form::list && setting->arity == Arity::many);
  if (!fits || entry.values.empty()) {
    const bool list = entry.form == FileEntry::Form::list && !entry.values.empty();
    return entry.key + ": expected " + setting->expected + ", got " + (list ? "a list" : "nothing");
  }
  const std::string wrong = store_all(*setting, entry.values, draft);
  return wrong.empty() ? "" : entry.key + ": " + wrong;
}

}  // namespace

Result<Settings> load_settings(const CommandLine& line, const SettingTable& table,
                               std::span<const CollectorSpec> specs) {
  SettingsDraft draft;
  SettingsDraft overruled;  // what a flag overrules must be right all the same
  if (!line.config_file.empty()) {
    const auto visited = visit_config_file(line.config_file, [&](const FileEntry& entry) {
      return store_entry(table, entry, line.flags.contains(entry.key) ? overruled : draft);
    });
    if (!visited) {
      return std::unexpected(visited.error());
    }
  }

  for (const auto& [key, values] : line.flags) {
    const std::string wrong = store_all(*find_setting(table, key), values, draft);
    if (!wrong.empty()) {
      return fail(ErrorKind::malformed, std::string{"--"}.append(key).append(": ").append(wrong));
    }
  }
  return finish(std::move(draft), specs);
}

}  // namespace kubecliff
