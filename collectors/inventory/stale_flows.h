// Stale flows by name: those that are translated to what is no endpoint of their Service any more
// (docs/decisions/0013-stale-flows.md), without a daemon that has looked before.
//
//   const Result<StaleFlows> stale = stale_flows({});
//
// or, with the other lists of one dump:
//
//   const Result<Services> before = read_services({});
//   const ServiceIndex index{*before};
//   TranslatedFlows translated{index};
//   const Result<Flows> flows = read_flows({.translated = &translated});
//   const Result<Services> after = read_services({});
//   const Result<StaleFlows> stale = judge(translated, *after, 10);
//
// The second look is not needed where translated.all() is empty.
//
// Cost: that of read_services() twice, once where no flow is suspect, and of read_flows().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/inventory/flows.h"
#include "collectors/inventory/services.h"
#include "collectors/inventory/translated_flows.h"

namespace kubecliff::inventory {

struct StaleFlow {
  std::string service = {};  // as Service::name; empty where nothing tells
  TranslatedFlow flow = {};
};

struct StaleFlows {
  std::uint64_t total = 0;
  std::vector<StaleFlow> most = {};  // the most flows first
  bool cut = false;  // there were more pairs of Service and backend than TranslatedFlows holds
};

// Which of them are stale by a look that began after the dump had ended. Pure. Fails with the first
// error of that look: what is not known to be complete cannot show that something is missing.
[[nodiscard]] Result<StaleFlows> judge(const TranslatedFlows& translated, const Services& after,
                                       std::size_t most);

struct StaleOptions {
  ServiceOptions services = {};
  FlowOptions flows = {};  // `top` is how many are named
};
[[nodiscard]] Result<StaleFlows> stale_flows(const StaleOptions& options);

}  // namespace kubecliff::inventory
