// Snapshot: what one refresh of one collector found. Immutable once published and shared between
// scrapes, so that a scrape holds no lock while it serialises.
#pragma once

#include <memory>
#include <vector>

#include <prometheus/metric_family.h>

namespace kubecliff {

struct Snapshot {
  std::vector<prometheus::MetricFamily> families;  // sorted by name, none empty
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace kubecliff
