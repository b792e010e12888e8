#include "collectors/sockets/sockets.h"

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "collectors/kernel/procfs.h"
#include "collectors/sockets/decode_sockets.h"
#include "collectors/sockets/state_counter.h"

namespace kubecliff::sockets {
namespace {

constexpr FamilySpec kSockets{
    .name = "kubecliff_sockets",
    .help =
        "Sockets of the node's network namespace by state. Many in syn_sent: connections that "
        "get no answer; many in time_wait: short connections that use up source ports. Absent "
        "while the modules inet_diag and tcp_diag are not loaded, as they are by ss.",
    .labels = {"protocol", "state"},
    .max_series = kStates.size()};
constexpr FamilySpec kOrphaned{
    .name = "kubecliff_sockets_orphaned",
    .help =
        "TCP sockets of all network namespaces whose program is done with them while the kernel "
        "still sends: at net.ipv4.tcp_max_orphans they are reset."};
constexpr FamilySpec kTimeWait{
    .name = "kubecliff_sockets_time_wait",
    .help =
        "TCP sockets of the node's network namespace in TIME_WAIT, as the kernel counts them; at "
        "net.ipv4.tcp_max_tw_buckets further ones are dropped at once."};
constexpr FamilySpec kAllocated{
    .name = "kubecliff_sockets_allocated",
    .help = "TCP sockets of all network namespaces, but for those in TIME_WAIT or being opened."};
constexpr FamilySpec kMemory{
    .name = "kubecliff_sockets_memory_bytes",
    .help = "Memory of what is queued in the TCP sockets of all network namespaces."};
constexpr FamilySpec kMemoryMost{
    .name = "kubecliff_sockets_memory_limit_bytes",
    .help = "Memory at which TCP begins to drop (the third of net.ipv4.tcp_mem)."};

constexpr std::string_view kTcp = "tcp";

class SocketsCollector final : public Collector {
 public:
  explicit SocketsCollector(const CollectorContext& context)
      : procfs_{context.procfs}, states_{context.procfs} {}

  Result<RefreshKind> refresh(Clock::time_point /*now*/, Samples& out) override {
    add_states(out);
    add_use(out);
    return RefreshKind::full;
  }

 private:
  void add_states(Samples& out) {
    const Result<std::optional<StateCounts>> counts = states_.count();
    if (!counts) {
      out.miss(counts.error());
      return;
    }
    if (!*counts) {
      return;
    }
    for (std::size_t i = 0; i < kStates.size(); ++i) {
      out.add(kSockets, {kTcp, kStates[i]}, static_cast<double>((**counts)[i]));
    }
  }

  void add_use(Samples& out) {
    static const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    const Result<std::string> text = read_file(procfs_ / "net" / "sockstat");
    const Result<TcpUse> use =
        text ? decode_tcp_use(*text) : Result<TcpUse>{std::unexpected(text.error())};
    if (!use) {
      out.miss(use.error());
      return;
    }
    out.add(kOrphaned, static_cast<double>(use->orphaned));
    out.add(kTimeWait, static_cast<double>(use->time_wait));
    out.add(kAllocated, static_cast<double>(use->allocated));
    out.add(kMemory, static_cast<double>(use->memory_pages) * page);
    const Result<std::string> limits = read_file(procfs_ / "sys" / "net" / "ipv4" / "tcp_mem");
    if (const auto most = limits ? decode_most_pages(*limits) : std::nullopt) {
      out.add(kMemoryMost, static_cast<double>(*most) * page);
    }
  }

  std::filesystem::path procfs_;
  StateCounter states_;
};

}  // namespace

CollectorSpec spec() {
  return {
      .name = "sockets",
      .summary = "TCP sockets by state, orphans, memory",
      .interval = std::chrono::seconds{15},
      .kinds = {RefreshKind::full},
      .families = {kSockets, kOrphaned, kTimeWait, kAllocated, kMemory, kMemoryMost},
      .options = {},
      .make = [](const CollectorContext& context) -> Result<std::unique_ptr<Collector>> {
        return std::make_unique<SocketsCollector>(context);
      },
  };
}

}  // namespace kubecliff::sockets
