// Probe: sends one flow over the loopback device to a socket of its own and times what the sender
// pays for it.
//
// A datagram on the loopback device passes OUTPUT and POSTROUTING, PREROUTING and INPUT before
// send(2) returns. The chains of the nat tables are walked by the first datagram of a flow alone
// (net/netfilter/nf_nat_core.c, nf_nat_inet_fn): later ones show what is left. The destination is
// no Service's, so every rule of KUBE-SERVICES and, because it is local, of KUBE-NODEPORTS is
// passed: the walk of the last Service of the list.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

#include "collectors/core/result.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff::traversal {

// What the sender pays for one datagram on a connected socket: the time of send(2). An error begins
// with what was being done.
[[nodiscard]] Result<std::chrono::nanoseconds> timed_send(const UniqueFd& socket,
                                                          std::string_view doing);

// One flow that was sent.
struct Flow {
  std::chrono::nanoseconds first{0};  // send(2) of the flow's first datagram
  std::chrono::nanoseconds later{0};  // and of one after the answer, when it is established
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

// Not thread-safe. The sockets belong to the network namespace of the thread that opened it.
class Probe {
 public:
  // Unavailable where the family has no loopback address here.
  [[nodiscard]] static Result<Probe> open(AddressFamily family);

  // From a source port that was not used lately. Denied where a rule refuses the datagram, timeout
  // where it does not arrive.
  [[nodiscard]] Result<Flow> send_flow() const;

 private:
  Probe(AddressFamily family, UniqueFd receiver, std::uint16_t port)
      : family_{family}, receiver_{std::move(receiver)}, port_{port} {}

  AddressFamily family_;
  UniqueFd receiver_;
  std::uint16_t port_;
};

// Takes the flow out of the connection tracking table again (IPCTNL_MSG_CT_DELETE). The kernel
// answers ENOENT where the flow was not tracked.
[[nodiscard]] netlink::Request deletion(AddressFamily family, const Flow& flow);

}  // namespace kubecliff::traversal
