// Accept and Accept-Encoding.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporter/http/exposition.h"
#include "exporter/http/gzip.h"
#include "exporter/http/preferences.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  for (const auto& preference : kubecliff::http::parse_preferences(text)) {
    const bool in_range = preference.quality >= 0 && preference.quality <= 1;
    if (!in_range) {
      std::abort();
    }
  }
  static_cast<void>(kubecliff::http::negotiate(text));
  static_cast<void>(kubecliff::http::accepts_gzip(text));
  return 0;
}
