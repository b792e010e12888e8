// The target of a request: escapes and query parameters.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporter/http/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto decoded = kubecliff::http::percent_decoded(text);
  if (decoded && decoded->size() > text.size()) {
    std::abort();
  }
  const auto query = kubecliff::http::parse_query(text);
  if (!query && query.error().kind != kubecliff::ErrorKind::malformed) {
    std::abort();
  }
  return 0;
}
