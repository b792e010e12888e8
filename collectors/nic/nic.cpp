#include "collectors/nic/nic.h"

#include <linux/netlink.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "collectors/kernel/netlink_socket.h"
#include "collectors/nic/allowances.h"
#include "collectors/nic/decode_link.h"
#include "collectors/nic/decode_statistics.h"
#include "collectors/nic/ethtool.h"
#include "collectors/nic/tunnels.h"

namespace kubecliff::nic {
namespace {

using prometheus::MetricType;

constexpr std::size_t most_series(Measure measure) {
  return AllowanceReader::kMostDevices *
         static_cast<std::size_t>(std::ranges::count(kStatistics, measure, &Statistic::measure));
}

constexpr FamilySpec kExceeded{
    .name = "kubecliff_nic_allowance_exceeded_total",
    .type = MetricType::Counter,
    .help =
        "Packets that the cloud queued or dropped because this node was over a limit of its type "
        "of machine: tracked connections, packets to link-local services such as DNS (1,024 a "
        "second on AWS), packets, or bandwidth. Of eight devices at the most; AWS' ena driver "
        "counts them.",
    .labels = {"device", "resource"},
    .max_series = most_series(Measure::exceeded)};
constexpr FamilySpec kAvailable{
    .name = "kubecliff_nic_allowance_available",
    .help =
        "What is left of such a limit: on AWS how many more connections may be tracked before new "
        "ones are dropped (ena driver 2.8.1 or later, on Nitro machines).",
    .labels = {"device", "resource"},
    .max_series = most_series(Measure::available)};
constexpr FamilySpec kHeadroom{
    .name = "kubecliff_tunnel_mtu_headroom_bytes",
    .help =
        "MTU of the device that carries a tunnel, less what the tunnel adds to a packet, less the "
        "tunnel's own MTU: where it is negative, full packets are fragmented or dropped. A tunnel "
        "that names no device is taken to leave by the route to its other end, or by the default "
        "route, WireGuard to run over IPv4 where there is one. Of eight tunnels at the most; those "
        "in external mode, such as "
        "Cilium's, follow the MTU of routes and are left out.",
    .labels = {"device", "kind"},
    .max_series = kMostTunnels};

constexpr std::chrono::seconds kListingInterval{60};

class NicCollector final : public Collector {
 public:
  Result<RefreshKind> refresh(Clock::time_point now, Samples& out) override {
    if (!listed_ || now - *listed_ >= kListingInterval || allowances_.outdated()) {
      list_devices(now);
    }
    // What failed then fails until it is tried again.
    std::vector<Error> misses = listing_misses_;
    const std::vector<Allowances> allowances = allowances_.read(misses);

    // Where only tunnels are served, and those as before, nothing has changed.
    const bool steady = allowances.empty() && misses.empty();
    if (std::exchange(steady_, steady) && steady && served_ == headrooms_) {
      return RefreshKind::unchanged;
    }
    add_allowances(allowances, out);
    for (const Headroom& headroom : headrooms_) {
      out.add(kHeadroom, {headroom.device, name(headroom.kind)},
              static_cast<double>(headroom.bytes));
    }
    served_ = headrooms_;
    for (Error& miss : misses) {
      out.miss(std::move(miss));
    }
    return RefreshKind::full;
  }

 private:
  // What cannot be listed is tried again the next time; devices that are known stay so.
  void list_devices(Clock::time_point now) {
    listed_.reset();
    listing_misses_.clear();
    const auto links = list_links(route_);
    if (!links) {
      listing_misses_.push_back(links.error());
      return;
    }
    std::vector<std::uint32_t> cards;
    for (const Link& link : *links) {
      if (link.kind == Link::Kind::card) {
        cards.push_back(link.index);
      }
    }
    allowances_.watch(cards, listing_misses_);

    auto headrooms = tell_headrooms(route_, *links);
    if (!headrooms) {
      listing_misses_.push_back(headrooms.error());
      return;
    }
    headrooms_ = std::move(*headrooms);
    listed_ = now;
  }

  static void add_allowances(const std::vector<Allowances>& all, Samples& out) {
    for (const Allowances& allowances : all) {
      for (std::size_t i = 0; i < kStatistics.size(); ++i) {
        if (const auto value = allowances.values[i]) {
          const Statistic& statistic = kStatistics[i];
          out.add(statistic.measure == Measure::exceeded ? kExceeded : kAvailable,
                  {allowances.device, name(statistic.resource)}, static_cast<double>(*value));
        }
      }
    }
  }

  netlink::Socket route_{netlink::kernel_transport(NETLINK_ROUTE)};
  AllowanceReader allowances_{kernel_ethtool()};
  std::optional<Clock::time_point> listed_;  // nothing: the last attempt failed
  std::vector<Error> listing_misses_;
  std::vector<Headroom> headrooms_;
  std::optional<std::vector<Headroom>> served_;
  bool steady_ = false;  // no allowances and no errors the last time
};

}  // namespace

CollectorSpec spec() {
  return {
      .name = "nic",
      .summary = "The cloud's limits on network cards, as drivers count them, and MTUs of tunnels",
      .interval = std::chrono::seconds{15},
      .kinds = {RefreshKind::unchanged, RefreshKind::full},
      .families = {kExceeded, kAvailable, kHeadroom},
      .options = {},
      .make = [](const CollectorContext& /*context*/) -> Result<std::unique_ptr<Collector>> {
        return std::make_unique<NicCollector>();
      },
  };
}

}  // namespace kubecliff::nic
