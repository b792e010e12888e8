// The text of a file below /proc/net, as ip_vs and as ip_vs_stats_percpu.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collectors/ipvs/decode_proc.h"
#include "collectors/ipvs/estimator.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;        // NOLINT(*-using-namespace)
  using namespace kubecliff::ipvs;  // NOLINT(*-using-namespace)

  const std::string_view text{reinterpret_cast<const char*>(data), size};
  ProcDecoder decoder;
  std::uint32_t lines = 0;
  for (std::string_view rest = text; !rest.empty(); ++lines) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    static_cast<void>(decoder.add(line));
    rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : line.size());
  }
  if (decoder.fwmarks() > lines) {
    std::abort();
  }
  static_cast<void>(decode_totals(text));
  static_cast<void>(count_processors(text));
  return 0;
}
