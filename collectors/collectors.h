// The one list of collectors, in the order in which they are shown. A collector is added by a line
// in collectors.cpp.
#pragma once

#include <vector>

#include "collectors/core/collector.h"

namespace kubecliff {

[[nodiscard]] std::vector<CollectorSpec> collector_specs();

// Those of `kubecliff canary`.
[[nodiscard]] std::vector<CollectorSpec> canary_specs();

// Those of `kubecliff probe`: only the collector `probe`, which is on by default there.
[[nodiscard]] std::vector<CollectorSpec> probe_specs();

// Each collector of every command once.
[[nodiscard]] std::vector<CollectorSpec> all_specs();

}  // namespace kubecliff
