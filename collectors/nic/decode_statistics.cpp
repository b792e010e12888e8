#include "collectors/nic/decode_statistics.h"

#include <linux/ethtool.h>

#include <cstddef>
#include <string>
#include <utility>

namespace kubecliff::nic {
namespace {

// The number at `offset` of an answer to `command`. The structs themselves end in arrays of any
// length, so they are not read whole.
template <typename Number>
Result<Number> read_number(Bytes answer, std::uint32_t command, std::size_t offset) {
  const auto number = read_as<Number>(answer, offset);
  if (!number || read_as<std::uint32_t>(answer) != command) {
    return fail(ErrorKind::malformed, "driver's statistics: no such answer");
  }
  return *number;
}

// Where the kernel finds that the count is no longer what it was told, it says 0 and nothing else
// (from Linux 6.19 and its stable releases on); others say what it is now.
Result<void> expect_count(std::uint32_t told, std::uint32_t count) {
  if (told != count) {
    return fail(ErrorKind::torn, "driver's statistics: " + std::to_string(told) + " of them, not " +
                                     std::to_string(count) + " as before");
  }
  return {};
}

std::unexpected<Error> too_short() {
  return fail(ErrorKind::malformed, "driver's statistics: answer shorter than it says");
}

}  // namespace

Result<std::uint32_t> decode_count(Bytes answer) {
  const auto sets = read_number<std::uint64_t>(answer, ETHTOOL_GSSET_INFO,
                                               offsetof(ethtool_sset_info, sset_mask));
  if (!sets) {
    return std::unexpected(sets.error());
  }
  // A set that the driver does not have is taken out of the mask, and is then no number either.
  if ((*sets & (1U << ETH_SS_STATS)) == 0) {
    return 0;
  }
  const auto count = read_as<std::uint32_t>(answer, sizeof(ethtool_sset_info));
  return count ? Result<std::uint32_t>{*count} : too_short();
}

Result<std::vector<Place>> decode_names(Bytes answer, std::uint32_t count) {
  const auto told =
      read_number<std::uint32_t>(answer, ETHTOOL_GSTRINGS, offsetof(ethtool_gstrings, len));
  if (!told) {
    return std::unexpected(told.error());
  }
  if (auto same = expect_count(*told, count); !same) {
    return std::unexpected(std::move(same.error()));
  }
  const Bytes names = answer.subspan(sizeof(ethtool_gstrings));
  if (names.size() / ETH_GSTRING_LEN < count) {
    return too_short();
  }
  std::vector<Place> places;
  for (std::size_t statistic = 0; statistic < kStatistics.size(); ++statistic) {
    for (std::size_t position = 0; position < count; ++position) {
      if (text_of(names.subspan(position * ETH_GSTRING_LEN, ETH_GSTRING_LEN)) ==
          kStatistics[statistic].name) {
        places.push_back({.statistic = statistic, .position = position});
        break;
      }
    }
  }
  return places;
}

Result<std::vector<std::uint64_t>> decode_values(Bytes answer, std::uint32_t count,
                                                 const std::vector<Place>& places) {
  const auto told =
      read_number<std::uint32_t>(answer, ETHTOOL_GSTATS, offsetof(ethtool_stats, n_stats));
  if (!told) {
    return std::unexpected(told.error());
  }
  if (auto same = expect_count(*told, count); !same) {
    return std::unexpected(std::move(same.error()));
  }
  const Bytes all = answer.subspan(sizeof(ethtool_stats));
  if (all.size() / sizeof(std::uint64_t) < count) {
    return too_short();
  }
  std::vector<std::uint64_t> values;
  for (const Place& place : places) {
    if (place.position >= count) {
      return too_short();
    }
    values.push_back(
        read_as<std::uint64_t>(all, place.position * sizeof(std::uint64_t)).value_or(0));
  }
  return values;
}

}  // namespace kubecliff::nic
