#include "collectors/sockets/sockets.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "collectors/kernel/address_family.h"
#include "collectors/kernel/bytes.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/kernel/procfs.h"
#include "collectors/sockets/decode_sockets.h"

namespace kubecliff::sockets {
namespace {

constexpr Feature kInetDiag{
    .module = "inet_diag", .config = "CONFIG_INET_DIAG", .symbol = "inet_diag_dump_icsk"};
constexpr Feature kTcpDiag{
    .module = "tcp_diag", .config = "CONFIG_INET_TCP_DIAG", .symbol = "tcp_diag_dump"};

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

// All that are told apart, and connections being opened (TCP_NEW_SYN_RECV). Not the one for sockets
// that are bound and nothing else (TCP_BOUND_INACTIVE, Linux 6.8), for which the kernel walks all
// bound ones under their locks.
constexpr std::uint32_t kAskedStates = (1U << (kStates.size() + 2)) - 2;

class SocketsCollector final : public Collector {
 public:
  explicit SocketsCollector(const CollectorContext& context)
      : procfs_{context.procfs},
        inet_diag_{kInetDiag, context.procfs},
        tcp_diag_{kTcpDiag, context.procfs},
        socket_{netlink::kernel_transport(NETLINK_SOCK_DIAG)} {}

  Result<RefreshKind> refresh(Clock::time_point /*now*/, Samples& out) override {
    // Asking would load the modules.
    if (inet_diag_.look() == FeatureState::present && tcp_diag_.look() == FeatureState::present) {
      add_states(out);
    }
    add_use(out);
    return RefreshKind::full;
  }

 private:
  void add_states(Samples& out) {
    std::array<std::uint64_t, kStates.size()> counts{};
    for (const AddressFamily family : kAddressFamilies) {
      inet_diag_req_v2 header{};
      header.sdiag_family = af(family);
      header.sdiag_protocol = IPPROTO_TCP;
      header.idiag_states = kAskedStates;
      netlink::Request question =
          netlink::Request::plain(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, bytes_of(header));
      const Result<void> asked =
          socket_.ask(question, [&](const netlink::Message& message) -> Result<void> {
            const auto state = decode_state(message);
            if (!state) {
              return fail(ErrorKind::malformed, "broken message of a socket");
            }
            ++counts[*state];
            return {};
          });
      if (!asked) {
        out.miss(prefixed("list TCP sockets", asked.error()).error());
        return;
      }
    }
    for (std::size_t i = 0; i < kStates.size(); ++i) {
      out.add(kSockets, {kTcp, kStates[i]}, static_cast<double>(counts[i]));
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
  FeatureWatch inet_diag_;
  FeatureWatch tcp_diag_;
  netlink::Socket socket_;
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
