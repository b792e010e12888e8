// Names of Services in what kube-proxy writes for them. Pure functions: the bytes are those that
// users chose, in the cluster or on the node, and whoever prints them must escape them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kubecliff::inventory {

// Longer than a namespace, a name and a port's name are together (63, 63 and 15 characters); what
// is longer is cut.
inline constexpr std::size_t kLongestName = 160;

// "default/kubernetes:https" of "default/kubernetes:https cluster IP", as the comments of iptables
// rules and the elements of nftables maps begin; empty where a comment does not begin with one.
[[nodiscard]] std::string_view name_in_comment(std::string_view comment);

struct NamedPort {
  std::string name = {};
  std::uint8_t protocol = 0;  // IPPROTO_TCP, …; 0: another
};
// The same of "service-2QRHZV4L-default/kubernetes/tcp/https", the name of a chain of kube-proxy's
// nftables mode (and of local-, external-, firewall- and endpoint- chains); empty where it is none.
[[nodiscard]] NamedPort name_in_chain(std::string_view chain);

}  // namespace kubecliff::inventory
