#include "exporter/http/message.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "collectors/core/split.h"
#include "exporter/http/ascii.h"

namespace kubecliff::http {
namespace {

std::optional<unsigned> hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') {
    return static_cast<unsigned>(digit - '0');
  }
  const char lower = ascii_lower(digit);
  if (lower >= 'a' && lower <= 'f') {
    return static_cast<unsigned>(lower - 'a' + 10);
  }
  return std::nullopt;
}

std::optional<std::string> form_decoded(std::string_view text) {
  std::string spaced{text};
  std::ranges::replace(spaced, '+', ' ');
  return percent_decoded(spaced);
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  const auto found = std::ranges::find_if(
      headers, [&](const Header& header) { return ascii_iequal(header.name, name); });
  return found == headers.end() ? std::string_view{} : std::string_view{found->value};
}

std::vector<std::string_view> Request::parameters(std::string_view key) const {
  std::vector<std::string_view> values;
  for (const QueryParameter& parameter : query) {
    if (parameter.key == key) {
      values.emplace_back(parameter.value);
    }
  }
  return values;
}

Response plain_response(int status) {
  return {.status = status, .body = std::string{reason_phrase(status)} + '\n'};
}

std::string_view reason_phrase(int status) {
  constexpr std::pair<int, std::string_view> kPhrases[] = {
      {200, "OK"},
      {204, "No Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {417, "Expectation Failed"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {503, "Service Unavailable"},
      {505, "HTTP Version Not Supported"},
  };
  const auto* found = std::ranges::find(kPhrases, status, &std::pair<int, std::string_view>::first);
  return found == std::end(kPhrases) ? "Unknown" : found->second;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    if (text.size() - at < 3) {
      return std::nullopt;
    }
    const auto high = hex_digit(text[at + 1]);
    const auto low = hex_digit(text[at + 2]);
    if (!high || !low || (*high == 0 && *low == 0)) {
      return std::nullopt;
    }
    decoded += static_cast<char>(*high * 16 + *low);
    at += 2;
  }
  return decoded;
}

Result<std::vector<QueryParameter>> parse_query(std::string_view query) {
  std::vector<QueryParameter> parameters;
  for (const std::string_view pair : split(query, "&")) {
    if (pair.empty()) {
      continue;
    }
    const std::size_t equals = pair.find('=');
    auto key = form_decoded(pair.substr(0, equals));
    auto value = form_decoded(equals == std::string_view::npos ? std::string_view{}
                                                               : pair.substr(equals + 1));
    if (!key || !value) {
      return fail(ErrorKind::malformed, "query: a % that no two hexadecimal digits follow");
    }
    parameters.push_back({std::move(*key), std::move(*value)});
  }
  return parameters;
}

}  // namespace kubecliff::http
