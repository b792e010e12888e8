// Label values and help of any bytes: every line of the exposition stays one line, and UTF-8.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "exporter/http/exposition.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;
  const std::string text{reinterpret_cast<const char*>(data), size};
  prometheus::ClientMetric metric;
  metric.label = {{"label", text}};
  const std::vector<SnapshotPtr> snapshots = {std::make_shared<const Snapshot>(Snapshot{
      .families = {{"family", text, prometheus::MetricType::Gauge, {std::move(metric)}}}})};
  const std::string rendered = http::render(http::Format::text_0_0_4, snapshots);
  if (std::ranges::count(rendered, '\n') != 3) {
    std::abort();
  }
  return 0;
}
