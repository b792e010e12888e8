// The text of /proc/net/stat/nf_conntrack.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collectors/conntrack/decode_stats.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto cpus = kubecliff::conntrack::parse_cpu_counters(text);
  if (cpus && (cpus->empty() || cpus->size() > size)) {
    std::abort();
  }
  return 0;
}
