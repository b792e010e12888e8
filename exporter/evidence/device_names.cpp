#include "exporter/evidence/device_names.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "exporter/evidence/recognise.h"

namespace kubecliff::evidence {
namespace {

// Of these and a number, as `eth0`, `enp3s0f1`, `eth0.100`; or of what a network plugin draws for a
// pod, or makes of its container's id. `enx` and `wlx` are followed by a hardware address; `cali`
// and `eni` by a hash of the pod's name.
bool is_everybodys(std::string_view device) {
  constexpr std::array<std::string_view, 37> kNumbered{
      "lo",     "eth",    "en",     "ens",    "eno",  "enp",    "wl",        "wlan",
      "wlp",    "tunl",   "vxlan",  "cni",    "lxc",  "docker", "geneve",    "gre",
      "veth",   "gretap", "erspan", "ip6tnl", "sit",  "ip_vti", "ip6_vti",   "dummy",
      "ifb",    "virbr",  "weave",  "wg",     "bond", "team",   "kube-ipvs", "kube-bridge",
      "ip6gre", "teql",   "tun",    "tap",    "eni"};
  constexpr std::array<std::string_view, 11> kWhole{
      "flannel.1",       "flannel-v6.1", "flannel-wg", "vxlan.calico",
      "vxlan-v6.calico", "cilium_host",  "cilium_net", "cilium_wg0",
      "cilium_vxlan",    "nodelocaldns", "ovs-system"};
  constexpr std::array<std::string_view, 3> kDrawn{"veth", "lxc", "br-"};
  constexpr std::size_t kLeastDrawn = 8;
  const auto has_prefix = [&](std::string_view prefix, auto belongs, std::size_t least) {
    const std::string_view rest = device.substr(std::min(prefix.size(), device.size()));
    return device.starts_with(prefix) && rest.size() >= least && std::ranges::all_of(rest, belongs);
  };
  const auto in_number = [](char byte) {
    return is_digit(byte) || std::string_view{"psfn."}.contains(byte);
  };
  return std::ranges::find(kWhole, device) != kWhole.end() ||
         std::ranges::any_of(kNumbered,
                             [&](auto prefix) { return has_prefix(prefix, in_number, 0); }) ||
         std::ranges::any_of(kDrawn,
                             [&](auto prefix) { return has_prefix(prefix, is_hex, kLeastDrawn); });
}

}  // namespace

void learn_device(std::string_view name, Names& names) {
  name = name.substr(0, name.find_last_not_of('+') + 1);
  if (!name.empty() && !is_everybodys(name)) {
    names.add(name);
  }
}

}  // namespace kubecliff::evidence
