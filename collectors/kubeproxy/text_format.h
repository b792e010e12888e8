// TextParser: the Prometheus text format (0.0.4), read strictly, a piece at a time.
//
// Every line is checked, and what is not asked for is not kept: kube-proxy's own text has some
// 150 kB, that of k3s, which serves all of its components at this port, many megabytes.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"

namespace kubecliff::kubeproxy {

struct TextLabel {
  std::string name;
  std::string value;  // unescaped
};

struct TextSample {
  std::string name;  // that of the family, or one with _bucket, _sum or _count at its end
  std::vector<TextLabel> labels;
  double value = 0;
};

struct TextFamily {
  std::string type = "untyped";  // as its TYPE line says
  std::vector<TextSample> samples;
};

using TextFamilies = std::map<std::string, TextFamily, std::less<>>;

// A value, or an upper bound of a bucket, as the format writes it.
[[nodiscard]] std::optional<double> parse_value(std::string_view text);

class TextParser {
 public:
  // Only families for whose name `wanted` is true are kept.
  explicit TextParser(std::function<bool(std::string_view family)> wanted)
      : wanted_{std::move(wanted)} {}

  // malformed: a line that is none of the format, with its number. Nothing may be fed after it.
  [[nodiscard]] Result<void> feed(std::string_view piece);
  // torn: the text ends in the middle of a line.
  [[nodiscard]] Result<TextFamilies> finish();

 private:
  [[nodiscard]] Result<void> take_line(std::string_view line);
  [[nodiscard]] Result<void> take_comment(std::string_view line);
  [[nodiscard]] Result<void> take_sample(std::string_view line);
  void begin_family(std::string_view name, std::string_view type);
  [[nodiscard]] std::unexpected<Error> malformed(std::string_view what) const;

  std::function<bool(std::string_view)> wanted_;
  TextFamilies families_;
  // The family whose lines are being read; null where it is not wanted.
  std::string family_name_;
  std::string family_type_;
  TextFamily* family_ = nullptr;
  std::string rest_;  // of a line whose end has not come yet
  std::size_t line_ = 0;
  std::size_t kept_ = 0;
};

}  // namespace kubecliff::kubeproxy
