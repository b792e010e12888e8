// Options of collectors: declared once by the collector, turned into a command-line flag, a key of
// the configuration file and a line of --help by exporter/config, and read by the collector by
// name.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kubecliff {

class Options;
struct RecordSpec;

using Duration = std::chrono::milliseconds;
using Records = std::vector<Options>;
using OptionValue = std::variant<bool, std::int64_t, double, Duration, std::string, Records>;

// The flag is `--collector.` followed by `name`, the key in the file `collector.` followed by it.
// The default's type is the option's type. Numbers and durations below `least` are refused.
struct OptionSpec {
  std::string_view name;  // "<collector>.<option>"
  OptionValue default_value;
  std::string_view help;
  double least = 0;  // in the value's unit; seconds for a duration
  // Texts only: whether one will do, and the words that complete "expected …".
  bool (*accepts)(std::string_view text) = [](std::string_view) { return true; };
  std::string_view expected = "a text";
  // Records only: what each of them holds.
  const RecordSpec* record = nullptr;
};

// Values of the options of one collector, or of one record, every declared one among them.
// Immutable once handed over.
class Options {
 public:
  Options() = default;
  explicit Options(std::map<std::string, OptionValue, std::less<>> values)
      : values_{std::move(values)} {}

  // Another name or type than the collector declared is a bug in the collector: aborts.
  template <typename T>
  [[nodiscard]] const T& get(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end() || !std::holds_alternative<T>(found->second)) {
      std::abort();
    }
    return *std::get_if<T>(&found->second);
  }

  friend bool operator==(const Options&, const Options&) = default;

 private:
  std::map<std::string, OptionValue, std::less<>> values_;
};

// An option that is a list of records: maps in the file, `KEY=VALUE,KEY=VALUE` on the command line,
// where the option is given once for each.
struct RecordSpec {
  std::span<const OptionSpec> fields;  // named as the keys are; of any type but records
  // What is wrong with the last record, the others being right, in words that follow the option's
  // name; empty where nothing is.
  std::string (*wrong)(std::span<const Options> records);
};

}  // namespace kubecliff
