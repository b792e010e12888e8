#include "exporter/report/names.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/core/dataplane_signs.h"
#include "collectors/inventory/flows.h"
#include "collectors/inventory/service_index.h"
#include "collectors/inventory/services.h"
#include "collectors/inventory/stale_flows.h"
#include "collectors/inventory/translated_flows.h"
#include "collectors/inventory/uneven.h"
#include "collectors/kernel/protocol_name.h"
#include "exporter/console/text.h"

namespace kubecliff::report {
namespace {

using inventory::Service;
using inventory::Services;

std::string address_text(const inventory::Address& address, std::uint16_t port,
                         std::uint8_t protocol) {
  const bool has_port = port != 0 || address.empty();
  return (has_port ? text(address, port) : text(address)) + "/" + protocol_name(protocol);
}

std::string note(const Service& service) {
  if (service.affinity) {
    return "session affinity: clients stay where they are";
  }
  return service.counted_together ? ""
                                  : "some were added later than others, and count from then on";
}

ServiceRow row(const Service& service) {
  ServiceRow row{.name = service.name,
                 .address = address_text(service.address, service.port, service.protocol),
                 .dataplane = std::string{name(service.dataplane)},
                 .endpoints = service.endpoint_count,
                 .rules = service.rules,
                 .packets = service.packets};
  const auto uneven = inventory::uneven(service);
  if (uneven.empty()) {
    return row;
  }
  for (const inventory::UnevenEndpoint& one : uneven) {
    const inventory::Endpoint& endpoint = service.endpoints[one.endpoint];
    row.uneven.push_back({.address = text(endpoint.address, endpoint.port),
                          .packets = one.packets,
                          .share = one.share,
                          .expected = one.expected_share});
  }
  row.note = note(service);
  return row;
}

std::vector<ServiceRow> rows(const std::vector<const Service*>& services) {
  std::vector<ServiceRow> rows;
  std::ranges::transform(services, std::back_inserter(rows),
                         [](const Service* service) { return row(*service); });
  return rows;
}

// Of those that have the most packets.
std::vector<ServiceRow> uneven_rows(const Services& services, std::size_t most) {
  std::vector<ServiceRow> uneven;
  for (const Service* service : inventory::top_by_packets(services, services.services.size())) {
    if (uneven.size() == most) {
      break;
    }
    if (ServiceRow one = row(*service); !one.uneven.empty()) {
      uneven.push_back(std::move(one));
    }
  }
  return uneven;
}

std::vector<TalkerRow> rows(const inventory::Top<inventory::Talker>& top) {
  std::vector<TalkerRow> rows;
  rows.reserve(top.most.size());
  for (const inventory::Talker& talker : top.most) {
    rows.push_back({.address = text(talker.address),
                    .service = {},
                    .flows = talker.flows,
                    .most_error = top.error});
  }
  return rows;
}

std::vector<TalkerRow> rows(const inventory::Top<inventory::Target>& top,
                            const inventory::ServiceIndex& index) {
  std::vector<TalkerRow> rows;
  rows.reserve(top.most.size());
  for (const inventory::Target& target : top.most) {
    const Service* service = index.find(target.protocol, target.address.view(), target.port);
    if (service == nullptr && target.translated) {
      service = index.find_node_port(target.protocol, target.address.size, target.port);
    }
    rows.push_back({.address = address_text(target.address, target.port, target.protocol),
                    .service = service == nullptr ? "" : service->name,
                    .flows = target.flows,
                    .most_error = top.error});
  }
  return rows;
}

class Reader {
 public:
  explicit Reader(const NamesOptions& options) : options_{options} {}

  Names read() {
    names_.read_at = WallClock::now();
    const Services services = read_services();
    for (const inventory::Miss& miss : services.misses) {
      add(miss, names_);
    }
    if (services.cut) {
      names_.missing.emplace_back("there are more Services or endpoints than can be listed");
    }
    names_.services_by_endpoints = rows(inventory::top_by_endpoints(services, options_.top));
    names_.services_by_rules = rows(inventory::top_by_rules(services, options_.top));
    names_.services_by_packets = rows(inventory::top_by_packets(services, options_.top));
    names_.uneven_services = uneven_rows(services, options_.top);
    read_flows(inventory::ServiceIndex{services});
    return std::move(names_);
  }

 private:
  Services read_services() {
    auto services = inventory::read_services({.procfs = options_.procfs});
    if (!services) {
      names_.missing.push_back("Services: " + services.error().message);
      return {};
    }
    return std::move(*services);
  }

  void read_flows(const inventory::ServiceIndex& index) {
    inventory::TranslatedFlows translated{index};
    const auto flows = inventory::read_flows({.procfs = options_.procfs,
                                              .most_flows = options_.most_flows,
                                              .top = options_.top,
                                              .translated = &translated});
    if (!flows) {
      names_.missing.push_back("flows: " + flows.error().message);
      return;
    }
    names_.flows = flows->total;
    names_.short_lived_flows = flows->short_lived;
    names_.sources = rows(flows->sources);
    names_.destinations = rows(flows->targets, index);
    names_.short_lived_sources = rows(flows->short_sources);
    names_.short_lived_destinations = rows(flows->short_targets, index);
    if (!translated.all().empty()) {
      judge(translated);
    }
  }

  // By a look that begins after the dump of the flows.
  void judge(const inventory::TranslatedFlows& translated) {
    const auto stale = inventory::judge(translated, read_services(), options_.top);
    if (!stale) {
      names_.missing.push_back("stale flows: " + stale.error().message);
      return;
    }
    add(*stale, names_);
  }

  const NamesOptions& options_;
  Names names_{};
};

constexpr std::chrono::minutes kNamesAreGoodFor{1};
constexpr int kPartsOfAProcessor = 100;

std::chrono::nanoseconds cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

void cut(auto& list, std::size_t most) {
  list.resize(std::min(list.size(), most));
}

// The lists cut to what is asked for.
Names cut(Names names, std::size_t top) {
  cut(names.services_by_endpoints, top);
  cut(names.services_by_rules, top);
  cut(names.services_by_packets, top);
  cut(names.uneven_services, top);
  cut(names.sources, top);
  cut(names.destinations, top);
  cut(names.short_lived_sources, top);
  cut(names.short_lived_destinations, top);
  cut(names.stale_flows, top);
  return names;
}

}  // namespace

NamesOptions names_options(const Settings& settings, std::size_t top) {
  NamesOptions options{.procfs = settings.procfs, .top = top};
  const auto flows = settings.collectors.find("conntrack.flows");
  if (flows != settings.collectors.end()) {
    options.most_flows =
        static_cast<std::uint64_t>(flows->second.get<std::int64_t>("conntrack.max-flows"));
  }
  return options;
}

void add(const inventory::Miss& miss, Names& to) {
  std::string why = std::string{name(miss.dataplane)} + ": " + miss.error.message;
  if (std::ranges::find(to.missing, why) == to.missing.end()) {
    to.missing.push_back(std::move(why));
  }
}

void add(const inventory::StaleFlows& stale, Names& to) {
  to.stale_flows_total = stale.total;
  for (const inventory::StaleFlow& one : stale.most) {
    to.stale_flows.push_back(
        {.service = one.service,
         .address = address_text(one.flow.address, one.flow.port, one.flow.protocol),
         .backend = text(one.flow.backend, one.flow.backend_port),
         .flows = one.flow.flows});
  }
  if (stale.cut) {
    to.missing.push_back("stale flows: more than " +
                         console::grouped(inventory::TranslatedFlows::kMost) +
                         " pairs of a Service and a backend may be stale, and only those are "
                         "counted");
  }
}

Names read_names(const NamesOptions& options) {
  return Reader{options}.read();
}

void LatestNames::change(NamesOptions options) {
  const std::lock_guard lock{mutex_};
  options_ = std::move(options);
  read_again_ = {};
}

Names LatestNames::get(std::size_t top) {
  const std::lock_guard lock{mutex_};
  if (!names_ || Clock::now() >= read_again_) {
    const auto before = cpu_time();
    names_ = read_names(options_);
    read_again_ = Clock::now() + std::max<Clock::duration>(
                                     kNamesAreGoodFor, (cpu_time() - before) * kPartsOfAProcessor);
  }
  return cut(*names_, top);
}

}  // namespace kubecliff::report
