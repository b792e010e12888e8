// docs/metrics.md, from the specs.
// `in_daemon`: how many collectors one kubecliff runs at the most.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "collectors/core/collector.h"

namespace kubecliff::test {

[[nodiscard]] std::string metrics_doc(std::span<const CollectorSpec> specs, std::size_t in_daemon);

}  // namespace kubecliff::test
