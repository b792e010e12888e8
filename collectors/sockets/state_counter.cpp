#include "collectors/sockets/state_counter.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include "collectors/kernel/address_family.h"
#include "collectors/kernel/bytes.h"

namespace kubecliff::sockets {
namespace {

constexpr Feature kInetDiag{
    .module = "inet_diag", .config = "CONFIG_INET_DIAG", .symbol = "inet_diag_dump_icsk"};
constexpr Feature kTcpDiag{
    .module = "tcp_diag", .config = "CONFIG_INET_TCP_DIAG", .symbol = "tcp_diag_dump"};

// All that are told apart, and connections being opened (TCP_NEW_SYN_RECV). Not the one for sockets
// that are bound and nothing else (TCP_BOUND_INACTIVE, Linux 6.8), for which the kernel walks all
// bound ones under their locks.
constexpr std::uint32_t kAskedStates = (1U << (kStates.size() + 2)) - 2;

}  // namespace

StateCounter::StateCounter(const std::filesystem::path& procfs)
    : inet_diag_{kInetDiag, procfs},
      tcp_diag_{kTcpDiag, procfs},
      socket_{netlink::kernel_transport(NETLINK_SOCK_DIAG)} {}

Result<std::optional<StateCounts>> StateCounter::count() {
  if (inet_diag_.look() != FeatureState::present || tcp_diag_.look() != FeatureState::present) {
    return std::nullopt;
  }
  StateCounts counts{};
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
      return prefixed("list TCP sockets", asked.error());
    }
  }
  return counts;
}

}  // namespace kubecliff::sockets
