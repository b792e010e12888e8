// docs/metrics.md, from the specs.
#pragma once

#include <span>
#include <string>

#include "collectors/core/collector.h"

namespace kubecliff::test {

[[nodiscard]] std::string metrics_doc(std::span<const CollectorSpec> specs);

}  // namespace kubecliff::test
