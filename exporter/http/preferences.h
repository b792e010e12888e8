// Preferences: the lists with q-values of Accept and Accept-Encoding (RFC 9110, section 12.4.2).
// Private to exporter/http.
#pragma once

#include <string_view>
#include <vector>

namespace kubecliff::http {

struct Preference {
  std::string_view value;                         // "text/plain", "gzip", "*"; case as sent
  std::vector<std::string_view> parameters = {};  // "version=0.0.4", trimmed, without q
  double quality = 1;                             // 0 to 1; 0 is "not this"
};

// In the order sent. An entry whose q-value is no number from 0 to 1 is left out: what a client did
// not say clearly, it did not ask for.
[[nodiscard]] std::vector<Preference> parse_preferences(std::string_view header);

}  // namespace kubecliff::http
