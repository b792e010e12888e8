// URLs of targets, and lists of servers and names: what is taken is what libcurl and c-ares may be
// handed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collectors/probe/dns_servers.h"
#include "collectors/probe/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff::probe;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto url = parse_url(text)) {
    const bool plain =
        std::ranges::all_of(url->text, [](char byte) { return byte > ' ' && byte < '\x7F'; });
    if (!plain || url->text != text) {
      std::abort();
    }
  }
  if ((is_server_list(text) || is_name_list(text)) && parse_list(text).size() > kMostServers) {
    std::abort();
  }
  static_cast<void>(cluster_dns(text));
  return 0;
}
