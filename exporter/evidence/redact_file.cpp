#include "exporter/evidence/redact_file.h"

#include <algorithm>
#include <cstddef>
#include <tuple>

#include "exporter/evidence/json_lines.h"

namespace kubecliff::evidence {
namespace {

// The text before the quote that ends it; it and the quote are taken from `text`. All of it where
// no quote does.
std::string_view take_quoted(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && text[end] != '"') {
    end = std::min(end + (text[end] == '\\' ? 2 : 1), text.size());
  }
  const std::string_view quoted = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return quoted;
}

// What stands outside of JSON's strings.
constexpr std::string_view kBetween = "{}[],: \t\r\n0123456789+-.eEtrufalsn";

// Of one document or of many. Done without a parser of it, so that what is no JSON is redacted too,
// and the layout stays.
std::string redact_json(std::string_view text, Redactor& redactor) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find('"'), text.size());
    const std::string_view between = text.substr(0, begin);
    const bool is_json = between.find_first_not_of(kBetween) == std::string_view::npos;
    out += is_json ? std::string{between} : redactor.apply(between);
    if (begin == text.size()) {
      break;
    }
    text.remove_prefix(begin + 1);
    const std::string_view quoted = take_quoted(text);
    const std::size_t next = text.find_first_not_of(" \t\n\r");
    const bool is_key = next != std::string_view::npos && text[next] == ':';
    out += '"';
    if (is_key) {
      out += quoted;
    } else if (quoted.find('\\') == std::string_view::npos) {
      out += redactor.apply(quoted);
    } else {
      const Json value = Json::parse("\"" + std::string{quoted} + "\"", nullptr, false);
      const std::string redacted =
          redactor.apply(value.is_string() ? value.get<std::string>() : std::string{quoted});
      const std::string dumped = to_line(Json(redacted));
      out += std::string_view{dumped}.substr(1, dumped.size() - 2);
    }
    out += '"';
  }
  return out;
}

constexpr std::string_view kLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:";

// A name, labels in braces, a number.
bool is_metric(std::string_view line) {
  const std::size_t name = std::min(line.find_first_not_of(kLetters), line.size());
  std::string_view rest = line.substr(name);
  if (rest.starts_with('{')) {
    rest.remove_prefix(1);
    while (!rest.starts_with('}')) {
      const std::size_t label = rest.find_first_not_of(kLetters);
      if (label == 0 || label == std::string_view::npos || !rest.substr(label).starts_with("=\"")) {
        return false;
      }
      rest.remove_prefix(label + 2);
      std::ignore = take_quoted(rest);
      rest.remove_prefix(rest.starts_with(',') ? 1 : 0);
    }
    rest.remove_prefix(1);
  }
  return name > 0 && rest.starts_with(' ') &&
         rest.find_first_not_of(" 0123456789+-.eINafn") == std::string_view::npos;
}

// A line of Prometheus' text format; of anything else, all of it.
std::string redact_metric(std::string_view line, Redactor& redactor) {
  if (line.starts_with("# HELP ") || line.starts_with("# TYPE ")) {
    return std::string{line};
  }
  if (!is_metric(line)) {
    return redactor.apply(line);
  }
  std::string out;
  std::string_view rest = line;
  while (!rest.empty()) {
    const std::size_t quote = rest.find('"');
    out += rest.substr(0, quote);
    if (quote == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(quote + 1);
    out += '"';
    for (const char byte : redactor.apply(take_label_value(rest))) {
      out += byte == '\n' || byte == '"' || byte == '\\' ? "\\" : "";
      out += byte == '\n' ? 'n' : byte;
    }
    out += '"';
  }
  return out;
}

}  // namespace

std::string take_label_value(std::string_view& text) {
  std::string value;
  const std::string_view quoted = take_quoted(text);
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    const bool escaped = quoted[i] == '\\' && i + 1 < quoted.size();
    i += escaped ? 1 : 0;
    value += escaped && quoted[i] == 'n' ? '\n' : quoted[i];
  }
  return value;
}

std::string redact_file(std::string_view name, std::string_view content, Redactor& redactor) {
  if (name.ends_with(".json") || name.ends_with(".jsonl")) {
    return redact_json(content, redactor);
  }
  if (name != "metrics.txt") {
    return redactor.apply(content);
  }
  std::string out;
  out.reserve(content.size());
  while (!content.empty()) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    out += redact_metric(content.substr(0, end), redactor);
    out += content.substr(end, 1);
    content.remove_prefix(std::min(end + 1, content.size()));
  }
  return out;
}

}  // namespace kubecliff::evidence
