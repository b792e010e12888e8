// Exposition: snapshots as the text that Prometheus reads, in the format that it asked for.
//
// Pure functions. Families come out sorted by name whatever snapshot they are in; rendering costs
// about a quarter of a millisecond for 600 series (docs/decisions/0001-exposition.md).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "exporter/runner/snapshot.h"

namespace kubecliff::http {

enum class Format : std::uint8_t {
  text_0_0_4,         // Prometheus' text format; browsers get it too
  openmetrics_1_0_0,  // only where it was asked for by version
};

// What an Accept header asks for, by its q-values; text where it is empty, or asks for neither.
[[nodiscard]] Format negotiate(std::string_view accept);

[[nodiscard]] std::string_view content_type(Format format);

// A family name may occur in one snapshot only. Bytes that are not UTF-8 come out as U+FFFD: one of
// them would make Prometheus refuse the whole scrape. A counter whose name does not end in `_total`
// cannot be a counter in OpenMetrics and is of unknown type there.
[[nodiscard]] std::string render(Format format, std::span<const SnapshotPtr> snapshots);

}  // namespace kubecliff::http
