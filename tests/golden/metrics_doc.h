// docs/metrics.md, from the specs.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "collectors/core/collector.h"

namespace kubecliff::test {

// Most series that a node serves at the defaults, kubecliff's own among them.
[[nodiscard]] std::size_t most_series(std::span<const CollectorSpec> specs);

[[nodiscard]] std::string metrics_doc(std::span<const CollectorSpec> specs);

}  // namespace kubecliff::test
