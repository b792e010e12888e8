// The one table of everything that can be set. The command line, the keys of the configuration
// file, their checks and --help are all read off it: a new setting is one entry here, a collector's
// option one OptionSpec in its spec.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/core/collector.h"
#include "exporter/config/settings.h"

namespace kubecliff {

// Settings while they are being put together: which collectors run follows only from all of it.
struct SettingsDraft {
  Settings settings;
  std::vector<std::string> listen_addresses;
  bool disable_defaults = false;
  std::map<std::string, bool, std::less<>> switched;  // collectors named by the user
  std::map<std::string, OptionValue, std::less<>> options;
};

// Keys and values of a record as they were written.
using WrittenRecord = std::vector<std::pair<std::string, std::string>>;

enum class Arity : std::uint8_t { on_off, one, many, records };
enum class Place : std::uint8_t { flag_and_file, flag_only };

struct Setting {
  std::string key;  // the flag is `--` and the key
  std::string_view group;
  Arity arity = Arity::one;
  Place place = Place::flag_and_file;
  std::string value_name = {};  // stands for the value in --help
  std::string expected;         // completes "expected …"
  std::string default_text = {};
  std::string help;
  // Checks and keeps one value (called once for each, where there are many); false: not what is
  // expected. `on_off` is handed `true` or `false` in words like any other.
  std::function<bool(SettingsDraft&, std::string_view)> store = {};
  // In its place for `records`: checks and keeps one record, whose values are as they were written.
  // What is wrong with it, or empty.
  std::function<std::string(SettingsDraft&, const WrittenRecord&)> store_record = {};
  // The record that a flag's text is; empty where it is none.
  std::function<WrittenRecord(std::string_view)> split = {};
};

using SettingTable = std::vector<Setting>;

inline constexpr std::string_view kConfigFileKey = "config.file";

// `specs` must outlive the table.
[[nodiscard]] SettingTable setting_table(std::span<const CollectorSpec> specs);

[[nodiscard]] const Setting* find_setting(const SettingTable& table, std::string_view key);

// The key that `key` was probably meant to be, or an empty one.
[[nodiscard]] std::string_view suggest_key(const SettingTable& table, std::string_view key);

// What is served and run once every value is stored.
[[nodiscard]] Settings finish(SettingsDraft draft, std::span<const CollectorSpec> specs);

}  // namespace kubecliff
