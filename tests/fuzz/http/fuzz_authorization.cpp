// Authorization headers and bcrypt hashes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporter/http/basic_auth.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto credentials = kubecliff::http::parse_basic_authorization(text);
  if (credentials && (credentials->user.contains(':') || credentials->user.contains('\0') ||
                      credentials->password.contains('\0'))) {
    std::abort();
  }
  static_cast<void>(kubecliff::http::bcrypt_cost(text));
  return 0;
}
