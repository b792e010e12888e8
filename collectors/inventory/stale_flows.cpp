#include "collectors/inventory/stale_flows.h"

#include <netinet/in.h>

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include "collectors/core/service_endpoints.h"
#include "collectors/inventory/service_index.h"

namespace kubecliff::inventory {
namespace {

bool is_service_protocol(std::uint8_t protocol) {
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

// A look that could not be finished knows nothing of what it has not seen.
Result<void> complete(const Services& services) {
  if (services.misses.empty()) {
    return {};
  }
  const Miss& miss = services.misses.front();
  return prefixed("stale flows: " + std::string{name(miss.dataplane)}, miss.error);
}

}  // namespace

void TranslatedFlows::add(const conntrack::Flow& flow) {
  const Bytes to = flow.original.destination;
  const Bytes by = flow.reply.source;
  const std::uint16_t port = flow.original.destination_port;
  const std::uint16_t by_port = flow.reply.source_port;
  if (flow.zoned || to.empty() || to.size() != by.size() || !is_service_protocol(flow.protocol) ||
      !is_translated(flow)) {
    return;
  }
  if (before_.stale(flow.protocol, to, port, by, by_port) == nullptr) {
    return;
  }
  const std::uint64_t key =
      endpoint_key(service_key(flow.protocol, to, port), backend_key(by, by_port));
  const auto known = flows_.find(key);
  if (known != flows_.end()) {
    ++known->second.flows;
  } else if (flows_.size() < kMost) {
    flows_.emplace(key, TranslatedFlow{.address = Address{to},
                                       .port = port,
                                       .protocol = flow.protocol,
                                       .backend = Address{by},
                                       .backend_port = by_port,
                                       .flows = 1});
  } else {
    overflowed_ = true;
  }
}

Result<StaleFlows> judge(const TranslatedFlows& translated, const Services& after,
                         std::size_t most) {
  if (Result<void> all = complete(after); !all) {
    return std::unexpected(std::move(all.error()));
  }
  const ServiceIndex index{after};
  StaleFlows stale{.cut = translated.overflowed()};
  for (const auto& [key, flow] : translated.all()) {
    const Service* service = index.stale(flow.protocol, flow.address.view(), flow.port,
                                         flow.backend.view(), flow.backend_port);
    if (service != nullptr) {
      stale.total += flow.flows;
      stale.most.push_back({.service = service->name, .flow = flow});
    }
  }
  const auto order = [](const StaleFlow& one) {
    const TranslatedFlow& flow = one.flow;
    return std::tie(flow.address, flow.port, flow.protocol, flow.backend, flow.backend_port);
  };
  const auto end =
      stale.most.begin() + static_cast<std::ptrdiff_t>(std::min(most, stale.most.size()));
  std::ranges::partial_sort(stale.most, end, [&](const StaleFlow& one, const StaleFlow& other) {
    return one.flow.flows != other.flow.flows ? one.flow.flows > other.flow.flows
                                              : order(one) < order(other);
  });
  stale.most.erase(end, stale.most.end());
  return stale;
}

Result<StaleFlows> stale_flows(const StaleOptions& options) {
  const Result<Services> before = read_services(options.services);
  if (!before) {
    return std::unexpected(before.error());
  }
  if (Result<void> all = complete(*before); !all) {
    return std::unexpected(std::move(all.error()));
  }
  const ServiceIndex index{*before};
  TranslatedFlows translated{index};
  FlowOptions flow_options = options.flows;
  flow_options.translated = &translated;
  if (const Result<Flows> flows = read_flows(flow_options); !flows) {
    return std::unexpected(flows.error());
  }
  if (translated.all().empty()) {
    return StaleFlows{};
  }
  const Result<Services> after = read_services(options.services);
  if (!after) {
    return std::unexpected(after.error());
  }
  return judge(translated, *after, options.flows.top);
}

}  // namespace kubecliff::inventory
