// What a network card's driver answers to ethtool's requests, and which of its statistics are known
// here. Pure functions over what the ioctl wrote.
// Source: include/uapi/linux/ethtool.h, net/ethtool/ioctl.c; names of the statistics as below.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/kernel/bytes.h"

namespace kubecliff::nic {

enum class Resource : std::uint8_t { conntrack, linklocal, pps, bandwidth_in, bandwidth_out };

inline constexpr std::size_t kResources = 5;

// The value of the label `resource`.
constexpr std::string_view name(Resource resource) {
  constexpr std::array<std::string_view, kResources> kNames{"conntrack", "linklocal", "pps",
                                                            "bandwidth_in", "bandwidth_out"};
  return kNames[static_cast<std::size_t>(resource)];
}

enum class Measure : std::uint8_t {
  exceeded,   // packets, since the device came up
  available,  // what is left now
};

struct Statistic {
  std::string_view name;
  Resource resource = Resource::conntrack;
  Measure measure = Measure::exceeded;
};

// By the drivers' names, which say enough to need no driver beside them. Amazon's ena has the first
// five from its release 2.2.10 on, the last from 2.8.1 on.
inline constexpr std::array<Statistic, 6> kStatistics{{
    {"conntrack_allowance_exceeded", Resource::conntrack, Measure::exceeded},
    {"linklocal_allowance_exceeded", Resource::linklocal, Measure::exceeded},
    {"pps_allowance_exceeded", Resource::pps, Measure::exceeded},
    {"bw_in_allowance_exceeded", Resource::bandwidth_in, Measure::exceeded},
    {"bw_out_allowance_exceeded", Resource::bandwidth_out, Measure::exceeded},
    {"conntrack_allowance_available", Resource::conntrack, Measure::available},
}};

// A known statistic's place in the driver's order, which is the driver's own.
struct Place {
  std::size_t statistic = 0;  // in kStatistics
  std::size_t position = 0;   // among the driver's

  friend bool operator==(const Place&, const Place&) = default;
};

// All three are malformed where the answer is shorter than it says, or is to another question.

// ETHTOOL_GSSET_INFO for ETH_SS_STATS: how many statistics there are.
[[nodiscard]] Result<std::uint32_t> decode_count(Bytes answer);

// ETHTOOL_GSTRINGS: the known ones among `count` names, in the order of kStatistics; of two with
// one name the first. Torn where there are now more or fewer.
[[nodiscard]] Result<std::vector<Place>> decode_names(Bytes answer, std::uint32_t count);

// ETHTOOL_GSTATS: the values at the `places`, of `count`. Torn as well.
[[nodiscard]] Result<std::vector<std::uint64_t>> decode_values(Bytes answer, std::uint32_t count,
                                                               const std::vector<Place>& places);

}  // namespace kubecliff::nic
