#include "collectors/kubeproxy/text_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>

#include "collectors/kernel/procfs.h"

namespace kubecliff::kubeproxy {
namespace {

constexpr std::size_t kMostLine = std::size_t{64} << 10U;
// kube-proxy's largest family has 160.
constexpr std::size_t kMostKept = 10'000;

// kube-proxy's have three at most, but for the nine of kubernetes_build_info.
constexpr std::size_t kMostLabels = 16;

constexpr std::array<std::string_view, 5> kTypes{"counter", "gauge", "histogram", "summary",
                                                 "untyped"};

constexpr bool is_letter(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}
constexpr bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}
constexpr bool is_blank(char byte) {
  return byte == ' ' || byte == '\t';
}

// Takes tokens from the front of a line.
class Cursor {
 public:
  explicit Cursor(std::string_view line) : rest_{line} { skip_blanks(); }

  [[nodiscard]] bool done() const { return rest_.empty(); }

  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) {
      rest_.remove_prefix(1);
    }
  }

  bool take(char byte) {
    if (!rest_.starts_with(byte)) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  // Up to the next blank.
  std::string_view take_word() {
    const auto* const end = std::ranges::find_if(rest_, is_blank);
    return take_until(end);
  }

  // The name of a label; that of a metric may hold colons. Empty where there is none.
  std::string_view take_name(bool colons) {
    if (!rest_.empty() && is_digit(rest_.front())) {
      return {};
    }
    const auto* const end = std::ranges::find_if_not(rest_, [colons](char byte) {
      return is_letter(byte) || is_digit(byte) || (colons && byte == ':');
    });
    return take_until(end);
  }

  // A text in quotation marks, still escaped.
  std::optional<std::string_view> take_quoted() {
    if (!take('"')) {
      return std::nullopt;
    }
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        const std::string_view text = rest_.substr(0, i);
        rest_.remove_prefix(i + 1);
        return text;
      }
      if (rest_[i] == '\\') {
        ++i;
        if (i == rest_.size() || (rest_[i] != '\\' && rest_[i] != '"' && rest_[i] != 'n')) {
          return std::nullopt;
        }
      }
    }
    return std::nullopt;
  }

 private:
  std::string_view take_until(std::string_view::iterator end) {
    const std::string_view taken{rest_.begin(), end};
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
};

std::string unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    ++i;
    out += text[i] == 'n' ? '\n' : text[i];
  }
  return out;
}

// What stands between the braces, the closing one included; kept where `keep` is not null.
bool take_labels(Cursor& cursor, std::vector<TextLabel>* keep) {
  cursor.skip_blanks();
  while (!cursor.take('}')) {
    const std::string_view name = cursor.take_name(false);
    cursor.skip_blanks();
    const bool assigned = !name.empty() && cursor.take('=');
    cursor.skip_blanks();
    const auto value = cursor.take_quoted();
    if (!assigned || !value || (keep != nullptr && keep->size() == kMostLabels)) {
      return false;
    }
    if (keep != nullptr) {
      keep->push_back({std::string{name}, unescaped(*value)});
    }
    cursor.skip_blanks();
    if (!cursor.take(',')) {
      return cursor.take('}');
    }
    cursor.skip_blanks();
  }
  return true;
}

// A sample of the family by name; those of a histogram or a summary have names of their own.
bool belongs(std::string_view sample, std::string_view family, std::string_view type) {
  if (!sample.starts_with(family)) {
    return false;
  }
  const std::string_view rest = sample.substr(family.size());
  if (type == "histogram") {
    return rest == "_bucket" || rest == "_sum" || rest == "_count";
  }
  return rest.empty() || (type == "summary" && (rest == "_sum" || rest == "_count"));
}

}  // namespace

std::optional<double> parse_value(std::string_view text) {
  if (text == "NaN") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  double value = std::numeric_limits<double>::infinity();
  if (text != "Inf") {
    // from_chars knows more words and signs than the format does.
    const bool begins = !text.empty() && (is_digit(text.front()) || text.front() == '.');
    if (!begins) {
      return std::nullopt;
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
      return std::nullopt;
    }
  }
  return negative ? -value : value;
}

std::unexpected<Error> TextParser::malformed(std::string_view what) const {
  return fail(ErrorKind::malformed, "line " + std::to_string(line_) + ": " + std::string{what});
}

Result<void> TextParser::feed(std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    const std::string_view part = piece.substr(0, end);
    if (rest_.size() + part.size() > kMostLine) {
      ++line_;
      return malformed("longer than any line of metrics");
    }
    if (end == std::string_view::npos) {
      rest_ += part;
      return {};
    }
    piece.remove_prefix(end + 1);
    ++line_;
    Result<void> taken;
    if (rest_.empty()) {
      taken = take_line(part);
    } else {
      rest_ += part;
      taken = take_line(rest_);
      rest_.clear();
    }
    if (!taken) {
      return taken;
    }
  }
  return {};
}

Result<TextFamilies> TextParser::finish() {
  if (!rest_.empty()) {
    return fail(ErrorKind::torn,
                "line " + std::to_string(line_ + 1) + ": the text ends in the middle of it");
  }
  return std::move(families_);
}

Result<void> TextParser::take_line(std::string_view line) {
  const Cursor cursor{line};
  if (cursor.done()) {
    return {};
  }
  return line[line.find_first_not_of(" \t")] == '#' ? take_comment(line) : take_sample(line);
}

// `# TYPE NAME TYPE`; `# HELP NAME …` and everything else says nothing about values.
Result<void> TextParser::take_comment(std::string_view line) {
  Cursor cursor{line};
  cursor.take('#');
  cursor.skip_blanks();
  if (cursor.take_word() != "TYPE") {
    return {};
  }
  cursor.skip_blanks();
  const std::string_view name = cursor.take_name(true);
  cursor.skip_blanks();
  const std::string_view type = cursor.take_word();
  cursor.skip_blanks();
  if (name.empty() || std::ranges::find(kTypes, type) == kTypes.end() || !cursor.done()) {
    return malformed("a TYPE that is none");
  }
  if (families_.contains(name)) {
    return malformed(std::string{name} + " a second time");
  }
  begin_family(name, type);
  return {};
}

void TextParser::begin_family(std::string_view name, std::string_view type) {
  family_name_ = name;
  family_type_ = type;
  family_ = nullptr;
  if (wanted_(name)) {
    family_ = &families_[family_name_];
    family_->type = type;
  }
}

Result<void> TextParser::take_sample(std::string_view line) {
  Cursor cursor{line};
  const std::string_view name = cursor.take_name(true);
  if (name.empty()) {
    return malformed("no name of a metric at its beginning");
  }
  if (!belongs(name, family_name_, family_type_)) {
    if (families_.contains(name)) {
      return malformed(std::string{name} + " away from the rest of its family");
    }
    begin_family(name, "untyped");
  }

  TextSample sample;
  cursor.skip_blanks();
  if (cursor.take('{') && !take_labels(cursor, family_ == nullptr ? nullptr : &sample.labels)) {
    return malformed("a label that is none, or too many of them");
  }
  cursor.skip_blanks();

  const auto value = parse_value(cursor.take_word());
  cursor.skip_blanks();
  if (!value) {
    return malformed("a value that is no number");
  }
  if (!cursor.done()) {
    if (!parse_number<std::int64_t>(cursor.take_word())) {
      return malformed("a timestamp that is none");
    }
    cursor.skip_blanks();
    if (!cursor.done()) {
      return malformed("something after the timestamp");
    }
  }
  if (family_ == nullptr) {
    return {};
  }
  if (++kept_ > kMostKept) {
    return malformed("more series than kube-proxy has");
  }
  sample.name = name;
  sample.value = *value;
  family_->samples.push_back(std::move(sample));
  return {};
}

}  // namespace kubecliff::kubeproxy
