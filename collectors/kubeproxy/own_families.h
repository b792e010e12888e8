// kube-proxy's own families that are served on, under their own names: in most clusters its port
// is bound to the loopback device, where Prometheus does not reach it.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/client_metric.h>

#include "collectors/core/family.h"
#include "collectors/core/result.h"
#include "collectors/core/samples.h"
#include "collectors/kubeproxy/text_format.h"

namespace kubecliff::kubeproxy {

// Every one of them. Histograms are served with fewer buckets than kube-proxy has: those given
// here.
[[nodiscard]] std::span<const FamilySpec> own_families();
[[nodiscard]] bool is_own_family(std::string_view name);

// Values of the labels of a family, in its order. A label that kube-proxy does not give is empty,
// which is the same as none.
using LabelValues = std::vector<std::string>;

struct OwnFamily {
  const FamilySpec* spec = nullptr;
  std::map<LabelValues, prometheus::ClientMetric> metrics;  // without labels of their own
};

struct RefusedFamily {
  const FamilySpec* spec = nullptr;
  Error why;
};

struct OwnFamilies {
  std::vector<OwnFamily> families;
  std::vector<RefusedFamily> refused;
};

// Those that the text has. One of another type or with other labels than are known, with more
// series than it can have, with series that repeat or buckets that contradict each other is
// refused: what is served is what kube-proxy said, or not there.
[[nodiscard]] OwnFamilies check_own_families(const TextFamilies& text);

// The one of that name; null where the text has none, or it was refused.
[[nodiscard]] const OwnFamily* find(const OwnFamilies& own, std::string_view name);
[[nodiscard]] bool was_refused(const OwnFamilies& own, std::string_view name);

void add(const OwnFamilies& own, Samples& out);

}  // namespace kubecliff::kubeproxy
