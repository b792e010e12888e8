#include "collectors/ipvs/ipvs.h"

#include <linux/capability.h>
#include <linux/netlink.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/ipvs/decode_proc.h"
#include "collectors/ipvs/device_addresses.h"
#include "collectors/ipvs/estimator.h"
#include "collectors/ipvs/ipset.h"
#include "collectors/ipvs/server_keys.h"
#include "collectors/ipvs/server_reader.h"
#include "collectors/ipvs/servers.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/kernel/procfs.h"

namespace kubecliff::ipvs {
namespace {

using prometheus::MetricType;

constexpr Feature kIpvs{.module = "ip_vs", .config = "CONFIG_IP_VS", .symbol = "ip_vs_conn_new"};
constexpr Feature kIpset{.module = "ip_set", .config = "CONFIG_IP_SET", .symbol = "ip_set_test"};

constexpr std::size_t kFamilies = kAddressFamilies.size();
constexpr std::size_t kMostDevices = 4;

constexpr FamilySpec kVirtualServers{
    .name = "kubecliff_ipvs_virtual_servers",
    .help =
        "Virtual servers of IPVS: in kube-proxy's IPVS mode one for each address and port of a "
        "Service. Protocol fwmark: one that is chosen by a firewall mark.",
    .labels = {"family", "protocol", "scheduler"},
    .max_series = kFamilies * kProtocols * kSchedulers.size()};
constexpr FamilySpec kRealServers{
    .name = "kubecliff_ipvs_real_servers",
    .help =
        "Real servers, once for each virtual server that they serve: the endpoints of Services. "
        "Those that drain have weight 0 and get no new connections.",
    .labels = {"family", "protocol", "state"},
    .max_series = kFamilies * kProtocols * 2};
constexpr FamilySpec kConnections{
    .name = "kubecliff_ipvs_connections",
    .help =
        "Connections that IPVS keeps; inactive ones are closed, or of a protocol without "
        "connections, and wait for their timeout.",
    .labels = {"family", "state"},
    .max_series = kFamilies * 2};
constexpr FamilySpec kDraining{
    .name = "kubecliff_ipvs_draining_connections",
    .help =
        "Connections that hang on real servers of weight 0: kube-proxy removes such an endpoint "
        "only when its last connection is gone.",
    .labels = {"family"},
    .max_series = kFamilies};
constexpr FamilySpec kBuckets{
    .name = "kubecliff_ipvs_connection_table_buckets",
    .help =
        "Buckets of the hash table of connections: with many more connections than that, every "
        "packet searches a list (module parameter conn_tab_bits)."};
constexpr FamilySpec kScheduled{.name = "kubecliff_ipvs_scheduled_connections_total",
                                .type = MetricType::Counter,
                                .help = "Connections that IPVS has given to a real server."};
constexpr FamilySpec kIncomingPackets{.name = "kubecliff_ipvs_incoming_packets_total",
                                      .type = MetricType::Counter,
                                      .help = "Packets that IPVS has passed on to real servers."};
constexpr FamilySpec kOutgoingPackets{
    .name = "kubecliff_ipvs_outgoing_packets_total",
    .type = MetricType::Counter,
    .help = "Packets of real servers that IPVS has passed back to clients."};
constexpr FamilySpec kIncomingBytes{.name = "kubecliff_ipvs_incoming_bytes_total",
                                    .type = MetricType::Counter,
                                    .help = "Bytes that IPVS has passed on to real servers."};
constexpr FamilySpec kOutgoingBytes{
    .name = "kubecliff_ipvs_outgoing_bytes_total",
    .type = MetricType::Counter,
    .help = "Bytes of real servers that IPVS has passed back to clients."};
constexpr FamilySpec kEstimation{
    .name = "kubecliff_ipvs_estimation_enabled",
    .help =
        "1 where IPVS walks all servers every two seconds to tell their rates, which with many "
        "thousands of them delays packets (net.ipv4.vs.run_estimation)."};
constexpr FamilySpec kEstimatorNice{
    .name = "kubecliff_ipvs_estimator_nice",
    .help = "Nice value of the estimator's threads (net.ipv4.vs.est_nice, kernels from 6.2 on)."};
constexpr FamilySpec kEstimatorCpus{
    .name = "kubecliff_ipvs_estimator_cpus",
    .help =
        "Processors that the estimator's threads may run on (net.ipv4.vs.est_cpulist, kernels "
        "from 6.2 on)."};
constexpr FamilySpec kEstimatorCpu{
    .name = "kubecliff_ipvs_estimator_cpu_seconds_total",
    .type = MetricType::Counter,
    .help =
        "CPU time of the estimator's threads in all network namespaces of the node, looked at "
        "once a minute (kernels from 6.2 on; takes hostPID)."};
constexpr FamilySpec kSetting{
    .name = "kubecliff_ipvs_setting",
    .help =
        "Value of a setting below net.ipv4.vs: what happens to a connection whose port is used "
        "again (conn_reuse_mode), whose real server is gone (expire_nodest_conn) or drains "
        "(expire_quiescent_template), and whether conntrack sees IPVS' connections (conntrack).",
    .labels = {"setting"},
    .max_series = 4};
constexpr FamilySpec kAddresses{
    .name = "kubecliff_ipvs_interface_addresses",
    .help =
        "Addresses on the device that kube-proxy's IPVS mode puts every address of a Service "
        "on, and on those named by --collector.ipvs.devices.",
    .labels = {"device", "family"},
    .max_series = kMostDevices * kFamilies};
constexpr FamilySpec kSetEntries{.name = "kubecliff_ipset_entries",
                                 .help = "Entries in an ipset of kube-proxy's.",
                                 .labels = {"set"},
                                 .max_series = kMostKubeProxySets};
constexpr FamilySpec kSetMost{
    .name = "kubecliff_ipset_max_entries",
    .help =
        "Entries that the ipset has room for: once it is full nothing more is added to it, and "
        "the kernel's log says that the set is full.",
    .labels = {"set"},
    .max_series = kMostKubeProxySets};

constexpr std::array<std::string_view, 4> kSettings{
    "conn_reuse_mode", "conntrack", "expire_nodest_conn", "expire_quiescent_template"};

constexpr std::string_view kDevices = "ipvs.devices";
constexpr std::string_view kKubeProxyDevice = "kube-ipvs0";
constexpr std::string_view kDevicesExpected =
    "names of network devices separated by commas, four at the most";

// Nothing where the text is not such a list.
std::optional<std::vector<std::string>> parse_devices(std::string_view text) {
  constexpr std::size_t kLongest = 15;  // IFNAMSIZ less its NUL
  std::vector<std::string> devices;
  while (!text.empty()) {
    const std::string_view device = text.substr(0, text.find(','));
    text.remove_prefix(std::min(device.size() + 1, text.size()));
    if (device.empty() || device.size() > kLongest ||
        device.find_first_of("/ ") != std::string_view::npos ||
        std::ranges::find(devices, device) != devices.end()) {
      return std::nullopt;
    }
    devices.emplace_back(device);
  }
  return devices.size() <= kMostDevices ? std::optional{devices} : std::nullopt;
}

void add_servers(const Servers& servers, Samples& out) {
  for (const AddressFamily family : kAddressFamilies) {
    for (std::size_t p = 0; p < kProtocols; ++p) {
      const auto protocol = static_cast<Protocol>(p);
      bool any = false;
      for (std::size_t s = 0; s < kSchedulers.size(); ++s) {
        if (const auto count = servers.virtual_servers(family, protocol, s); count > 0) {
          out.add(kVirtualServers, {name(family), name(protocol), kSchedulers[s]}, count);
          any = true;
        }
      }
      const auto active = servers.real_servers(family, protocol, false);
      const auto draining = servers.real_servers(family, protocol, true);
      if (any || active > 0 || draining > 0) {
        out.add(kRealServers, {name(family), name(protocol), "active"}, active);
        out.add(kRealServers, {name(family), name(protocol), "draining"}, draining);
      }
    }
    const auto& connections = servers.connections(family);
    const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
    out.add(kConnections, {name(family), "active"}, number(connections.active));
    out.add(kConnections, {name(family), "inactive"}, number(connections.inactive));
    out.add(kDraining, {name(family)}, number(connections.draining));
  }
}

void add_totals(const Totals& totals, Samples& out) {
  const auto add = [&](const FamilySpec& family, std::uint64_t value) {
    out.add(family, static_cast<double>(value));
  };
  add(kScheduled, totals.connections);
  add(kIncomingPackets, totals.incoming_packets);
  add(kOutgoingPackets, totals.outgoing_packets);
  add(kIncomingBytes, totals.incoming_bytes);
  add(kOutgoingBytes, totals.outgoing_bytes);
}

class IpvsCollector final : public Collector {
 public:
  IpvsCollector(const CollectorContext& context, std::vector<std::string> devices)
      : procfs_{context.procfs},
        devices_{std::move(devices)},
        ipvs_{kIpvs, context.procfs},
        ipset_{kIpset, context.procfs},
        servers_{netlink::kernel_transport(NETLINK_GENERIC), context.procfs},
        netfilter_{netlink::kernel_transport(NETLINK_NETFILTER)},
        route_{netlink::kernel_transport(NETLINK_ROUTE)},
        estimator_{context.procfs},
        signs_{context.dataplane_signs},
        endpoints_{context.service_endpoints},
        tellers_{ServerTeller{endpoints_, 0}, ServerTeller{endpoints_, 1}} {}

  Result<RefreshKind> refresh(Clock::time_point now, Samples& out) override {
    // Asking would load the modules, so whether they are there is looked up first.
    std::optional<std::uint32_t> servers = 0;
    if (ipvs_.look() == FeatureState::present) {
      servers = add_ipvs(now, out);
    } else {
      std::ranges::for_each(tellers_, &ServerTeller::withdraw);
    }
    if (ipset_.look() == FeatureState::present) {
      add_ipsets(out);
    }
    const std::optional<bool> device = add_addresses(out);
    tell(servers, device, now);
    const bool nothing = out.empty() && out.misses().empty();
    return std::exchange(nothing_, nothing) && nothing ? RefreshKind::unchanged : RefreshKind::full;
  }

 private:
  // kube-proxy's IPVS mode is virtual servers and the device that has their addresses; virtual
  // servers alone are somebody else's.
  void tell(std::optional<std::uint32_t> servers, std::optional<bool> device,
            Clock::time_point now) {
    if (servers && device) {
      const Sign there = *servers > 0 ? Sign::carries : Sign::remains;
      signs_->tell(Dataplane::ipvs, {.sign = *device ? there : Sign::absent, .services = *servers},
                   now);
    }
  }

  // How many virtual servers there are; nothing where they could not be read.
  std::optional<std::uint32_t> add_ipvs(Clock::time_point now, Samples& out) {
    std::optional<std::uint32_t> servers;
    const ServiceEndpoints::Look look = endpoints_->begin(now);
    if (Result<Reading> reading = servers_.read()) {
      add_servers(reading->servers, out);
      out.add(kBuckets, reading->table_buckets);
      servers = reading->servers.virtual_servers();
      for (std::size_t family = 0; family < tellers_.size(); ++family) {
        tellers_[family].tell(look, std::move(reading->keys[family]));
      }
    } else {
      out.miss(reading.error());
    }
    if (const auto text = read_present(procfs_ / "net" / "ip_vs_stats_percpu", out)) {
      if (const Result<Totals> totals = decode_totals(*text)) {
        add_totals(*totals, out);
      } else {
        out.miss(totals.error());
      }
    }
    add_settings(now, out);
    return servers;
  }

  static std::optional<std::string> read_present(const std::filesystem::path& path, Samples& out) {
    Result<std::optional<std::string>> text = read_if_present(path);
    if (!text) {
      out.miss(text.error());
      return std::nullopt;
    }
    return std::move(*text);
  }

  // A setting as parse(text) understands it; nothing where this kernel does not have it.
  template <typename Parse>
  std::optional<double> read_setting(std::string_view setting, Parse parse, Samples& out) const {
    const std::filesystem::path path = procfs_ / "sys" / "net" / "ipv4" / "vs" / setting;
    const auto text = read_present(path, out);
    if (!text) {
      return std::nullopt;
    }
    const auto value = parse(*text);
    if (!value) {
      out.miss({ErrorKind::malformed, 0, path.native() + ": no such value is known: " + *text});
      return std::nullopt;
    }
    return static_cast<double>(*value);
  }

  void add_settings(Clock::time_point now, Samples& out) {
    const auto number = [](std::string_view text) { return parse_number<std::int32_t>(text); };
    for (const std::string_view setting : kSettings) {
      if (const auto value = read_setting(setting, number, out)) {
        out.add(kSetting, {setting}, *value);
      }
    }
    if (const auto enabled = read_setting("run_estimation", number, out)) {
      out.add(kEstimation, *enabled);
    }
    if (const auto processors = read_setting("est_cpulist", count_processors, out)) {
      out.add(kEstimatorCpus, *processors);
    }
    // Kernels that have this setting have the threads.
    const auto nice = read_setting("est_nice", number, out);
    if (!nice) {
      return;
    }
    out.add(kEstimatorNice, *nice);
    if (const auto cpu = estimator_.cpu(now)) {
      out.add(kEstimatorCpu, seconds(*cpu));
    }
  }

  void add_ipsets(Samples& out) {
    const Result<std::vector<IpSet>> sets = read_ipsets(netfilter_);
    if (!sets) {
      out.miss(sets.error());
      return;
    }
    for (const IpSet& set : *sets) {
      out.add(kSetEntries, {set.name}, set.entries);
      out.add(kSetMost, {set.name}, set.most);
    }
  }

  // Whether kube-proxy's device is there; nothing where that could not be read.
  std::optional<bool> add_addresses(Samples& out) {
    const Result<std::vector<DeviceAddresses>> counts = count_addresses(route_, devices_);
    if (!counts) {
      out.miss(counts.error());
      return std::nullopt;
    }
    bool found = false;
    for (const DeviceAddresses& count : *counts) {
      found |= count.device == kKubeProxyDevice;
      out.add(kAddresses, {count.device, name(AddressFamily::ipv4)}, count.ipv4);
      out.add(kAddresses, {count.device, name(AddressFamily::ipv6)}, count.ipv6);
    }
    if (found || std::ranges::find(devices_, kKubeProxyDevice) != devices_.end()) {
      return found;
    }
    const auto own = count_addresses(route_, {std::string{kKubeProxyDevice}});
    return own ? std::optional{!own->empty()} : std::nullopt;
  }

  std::filesystem::path procfs_;
  std::vector<std::string> devices_;
  FeatureWatch ipvs_;
  FeatureWatch ipset_;
  ServerReader servers_;
  netlink::Socket netfilter_;
  netlink::Socket route_;
  EstimatorThreads estimator_;
  std::shared_ptr<DataplaneSigns> signs_;
  std::shared_ptr<ServiceEndpoints> endpoints_;
  std::array<ServerTeller, ServiceEndpoints::kFamilies> tellers_;
  bool nothing_ = false;  // was there the last time
};

}  // namespace

CollectorSpec spec() {
  return {
      .name = "ipvs",
      .summary = "IPVS: virtual and real servers, connections, kube-ipvs0, kube-proxy's ipsets",
      .interval = std::chrono::seconds{5},
      .kinds = {RefreshKind::unchanged, RefreshKind::full},
      .families = {kVirtualServers, kRealServers, kConnections, kDraining, kBuckets, kScheduled,
                   kIncomingPackets, kOutgoingPackets, kIncomingBytes, kOutgoingBytes, kEstimation,
                   kEstimatorNice, kEstimatorCpus, kEstimatorCpu, kSetting, kAddresses, kSetEntries,
                   kSetMost},
      .options = {{.name = kDevices,
                   .default_value = std::string{kKubeProxyDevice},
                   .help = "Network devices whose addresses are counted: the one that kube-proxy "
                           "puts addresses of Services on, and others, separated by commas",
                   .accepts = [](std::string_view text) { return parse_devices(text).has_value(); },
                   .expected = kDevicesExpected}},
      .capabilities = {CAP_NET_ADMIN},
      .make = [](const CollectorContext& context) -> Result<std::unique_ptr<Collector>> {
        auto devices = parse_devices(context.options.get<std::string>(kDevices));
        if (!devices) {
          return fail(ErrorKind::malformed,
                      std::string{kDevices} + ": expected " + std::string{kDevicesExpected});
        }
        return std::make_unique<IpvsCollector>(context, std::move(*devices));
      },
  };
}

}  // namespace kubecliff::ipvs
