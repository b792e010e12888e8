// resolv.conf: never more than came with it, and no count that it does not bear out.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collectors/probe/resolv_conf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff::probe;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const ResolvConf conf = parse_resolv_conf(text);
  std::size_t words = 0;
  for (const auto& domain : conf.search) {
    words += domain.empty() ? size + 1 : domain.size();
  }
  if (words > size || conf.nameservers.size() > 3 || conf.ndots > 15) {
    std::abort();
  }
  const std::size_t tried = names_tried(conf, text);
  if (tried != 1 && tried != conf.search.size() + 1) {
    std::abort();
  }
  return 0;
}
