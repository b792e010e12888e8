// The web configuration file and listen addresses.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporter/http/listen_address.h"
#include "exporter/http/web_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto config = kubecliff::http::parse_web_config(text, "/web.yml");
  const auto address = kubecliff::http::parse_listen_address(text);
  if ((!config && config.error().message.empty()) ||
      (!address && address.error().message.empty())) {
    std::abort();
  }
  return 0;
}
