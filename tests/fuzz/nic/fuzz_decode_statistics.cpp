// An answer of ethtool's, taken for one to each of the questions.
#include <linux/ethtool.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "collectors/kernel/bytes.h"
#include "collectors/nic/decode_statistics.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;       // NOLINT(*-using-namespace)
  using namespace kubecliff::nic;  // NOLINT(*-using-namespace)

  const Bytes answer = std::as_bytes(std::span{data, size});
  static_cast<void>(decode_count(answer));
  const auto names = read_as<std::uint32_t>(answer, offsetof(ethtool_gstrings, len)).value_or(0);
  const auto values = read_as<std::uint32_t>(answer, offsetof(ethtool_stats, n_stats)).value_or(0);
  const std::vector<Place> places{{.statistic = 0, .position = 0}, {.statistic = 1, .position = 7}};
  if (const auto found = decode_names(answer, names)) {
    for (const Place& place : *found) {
      if (place.position >= names || place.statistic >= kStatistics.size()) {
        std::abort();
      }
    }
  }
  if (const auto read = decode_values(answer, values, places); read && read->size() != 2) {
    std::abort();
  }
  return 0;
}
