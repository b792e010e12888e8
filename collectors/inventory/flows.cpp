#include "collectors/inventory/flows.h"

#include <linux/netlink.h>

#include <string>
#include <utility>

#include "collectors/conntrack/availability.h"
#include "collectors/conntrack/reader.h"
#include "collectors/core/service_endpoints.h"
#include "collectors/inventory/top_counter.h"

namespace kubecliff::inventory {
namespace {

using conntrack::Flow;
using conntrack::FlowClass;
using conntrack::Protocol;
using conntrack::State;

struct Destination {
  Address address = {};
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
  bool translated = false;

  friend auto operator<=>(const Destination&, const Destination&) = default;
};

// Seeded by the process: nobody can choose addresses that fall together.
struct HashAddress {
  std::size_t operator()(const Address& address) const {
    return static_cast<std::size_t>(backend_key(address.view(), 0));
  }
};
struct HashDestination {
  std::size_t operator()(const Destination& to) const {
    return static_cast<std::size_t>(service_key(to.protocol, to.address.view(), to.port));
  }
};

using Sources = TopCounter<Address, HashAddress>;
using Targets = TopCounter<Destination, HashDestination>;

Top<Talker> top_of(const Sources& sources, std::size_t most) {
  Top<Talker> top{.error = sources.error()};
  for (const auto& [address, count] : sources.top(most)) {
    top.most.push_back({.address = address, .flows = count});
  }
  return top;
}

Top<Target> top_of(const Targets& targets, std::size_t most) {
  Top<Target> top{.error = targets.error()};
  for (const auto& [to, count] : targets.top(most)) {
    top.most.push_back({.address = to.address,
                        .port = to.port,
                        .protocol = to.protocol,
                        .translated = to.translated,
                        .flows = count});
  }
  return top;
}

}  // namespace

bool is_short_lived(FlowClass flow) {
  if (flow.protocol == Protocol::udp) {
    return flow.state != State::assured;
  }
  if (flow.protocol != Protocol::tcp) {
    return false;
  }
  switch (flow.state) {
    case State::syn_sent:
    case State::syn_sent2:
    case State::fin_wait:
    case State::close_wait:
    case State::last_ack:
    case State::time_wait:
    case State::close:
      return true;
    default:
      return false;
  }
}

struct FlowTops::Counters {
  explicit Counters(std::size_t room)
      : sources{room}, targets{room}, short_sources{room}, short_targets{room} {}

  std::uint64_t total = 0;
  std::uint64_t short_lived = 0;
  Sources sources;
  Targets targets;
  Sources short_sources;
  Targets short_targets;
};

FlowTops::FlowTops(std::size_t room) : counters_{std::make_unique<Counters>(room)} {}
FlowTops::FlowTops(FlowTops&&) noexcept = default;
FlowTops& FlowTops::operator=(FlowTops&&) noexcept = default;
FlowTops::~FlowTops() = default;

void FlowTops::add(const Flow& flow) {
  const Address source{flow.original.source};
  const Destination target{.address = Address{flow.original.destination},
                           .port = flow.original.destination_port,
                           .protocol = flow.protocol,
                           .translated = is_translated(flow)};
  ++counters_->total;
  counters_->sources.add(source);
  counters_->targets.add(target);
  if (is_short_lived(flow.flow_class)) {
    ++counters_->short_lived;
    counters_->short_sources.add(source);
    counters_->short_targets.add(target);
  }
}

Flows FlowTops::finish(std::size_t most) const {
  return {.total = counters_->total,
          .short_lived = counters_->short_lived,
          .sources = top_of(counters_->sources, most),
          .targets = top_of(counters_->targets, most),
          .short_sources = top_of(counters_->short_sources, most),
          .short_targets = top_of(counters_->short_targets, most)};
}

Result<Flows> read_flows(const FlowOptions& options) {
  conntrack::Reader reader{
      options.procfs, conntrack::Availability{options.procfs},
      options.netfilter ? options.netfilter : netlink::kernel_transport(NETLINK_NETFILTER)};
  const Result<conntrack::TableSize> size = reader.read_size();
  if (!size) {
    return std::unexpected(size.error());
  }
  if (size->entries > options.most_flows) {
    return fail(ErrorKind::unavailable, "the connection tracking table has " +
                                            std::to_string(size->entries) +
                                            " entries, and is not read flow by flow above " +
                                            std::to_string(options.most_flows));
  }
  FlowTops tops;
  const Result<conntrack::FlowCounts> counted = reader.count_flows([&](const Flow& flow) {
    tops.add(flow);
    if (options.translated != nullptr) {
      options.translated->add(flow);
    }
  });
  if (!counted) {
    return std::unexpected(counted.error());
  }
  return tops.finish(options.top);
}

}  // namespace kubecliff::inventory
