// Chain names and jumps as each owner's own documentation, source or published dumps show them; the
// rules between them are made up, and short.
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "tests/support/ruleset.h"

namespace kubecliff::test {
namespace {

struct Sample {
  Owner owner;
  std::string_view label;
  // `@pods`, `@node` and `@any` stand for a family's addresses, `@ufw` for ufw's prefix in it.
  std::string_view text;
};

constexpr std::array kSamples{
    Sample{Owner::calico, "calico", R"(*raw
:cali-PREROUTING - [0:0]
:cali-OUTPUT - [0:0]
:cali-from-host-endpoint - [0:0]
-A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
-A OUTPUT -m comment --comment "cali:tVnHkvAo15HuiPy0" -j cali-OUTPUT
-A cali-PREROUTING -m mark --mark 0x0/0x40000 -j cali-from-host-endpoint
COMMIT
*nat
:cali-PREROUTING - [0:0]
:cali-OUTPUT - [0:0]
:cali-POSTROUTING - [0:0]
:cali-fip-dnat - [0:0]
:cali-fip-snat - [0:0]
:cali-nat-outgoing - [0:0]
-A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
-A OUTPUT -m comment --comment "cali:tVnHkvAo15HuiPy0" -j cali-OUTPUT
-A POSTROUTING -m comment --comment "cali:O3lYWMrLQYEMJtB5" -j cali-POSTROUTING
-A cali-PREROUTING -j cali-fip-dnat
-A cali-OUTPUT -j cali-fip-dnat
-A cali-POSTROUTING -j cali-fip-snat
-A cali-POSTROUTING -j cali-nat-outgoing
-A cali-nat-outgoing -s @pods ! -d @pods -j MASQUERADE --random-fully
COMMIT
*filter
:cali-INPUT - [0:0]
:cali-FORWARD - [0:0]
:cali-from-wl-dispatch - [0:0]
:cali-fw-cali7de82f3e9d9 - [0:0]
-A INPUT -m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT
-A FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD
-A cali-FORWARD -i cali+ -j cali-from-wl-dispatch
-A cali-from-wl-dispatch -i cali7de82f3e9d9 -g cali-fw-cali7de82f3e9d9
-A cali-fw-cali7de82f3e9d9 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
)"},
    Sample{Owner::cilium, "cilium", R"(*raw
:CILIUM_OUTPUT_raw - [0:0]
-A OUTPUT -m comment --comment "cilium-feeder: CILIUM_OUTPUT_raw" -j CILIUM_OUTPUT_raw
-A CILIUM_OUTPUT_raw -o lxc+ -m mark --mark 0xa00/0xfffffeff -j CT --notrack
COMMIT
*mangle
:CILIUM_PRE_mangle - [0:0]
:CILIUM_POST_mangle - [0:0]
-A PREROUTING -m comment --comment "cilium-feeder: CILIUM_PRE_mangle" -j CILIUM_PRE_mangle
-A POSTROUTING -m comment --comment "cilium-feeder: CILIUM_POST_mangle" -j CILIUM_POST_mangle
COMMIT
*nat
:CILIUM_PRE_nat - [0:0]
:CILIUM_OUTPUT_nat - [0:0]
:CILIUM_POST_nat - [0:0]
:OLD_CILIUM_POST_nat - [0:0]
-A PREROUTING -m comment --comment "cilium-feeder: CILIUM_PRE_nat" -j CILIUM_PRE_nat
-A OUTPUT -m comment --comment "cilium-feeder: CILIUM_OUTPUT_nat" -j CILIUM_OUTPUT_nat
-A POSTROUTING -m comment --comment "cilium-feeder: CILIUM_POST_nat" -j CILIUM_POST_nat
-A CILIUM_POST_nat -s @pods ! -d @pods ! -o cilium_+ -j MASQUERADE
COMMIT
*filter
:CILIUM_FORWARD - [0:0]
-A FORWARD -m comment --comment "cilium-feeder: CILIUM_FORWARD" -j CILIUM_FORWARD
-A CILIUM_FORWARD -o cilium_host -j ACCEPT
COMMIT
)"},
    Sample{Owner::flannel, "flannel", R"(*nat
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN
-A FLANNEL-POSTRTG -s @pods ! -d @any -j MASQUERADE --random-fully
COMMIT
*filter
:FLANNEL-FWD - [0:0]
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
-A FLANNEL-FWD -s @pods -j ACCEPT
COMMIT
)"},
    Sample{Owner::kube_router, "kube-router", R"(*filter
:KUBE-ROUTER-INPUT - [0:0]
:KUBE-ROUTER-FORWARD - [0:0]
:KUBE-ROUTER-OUTPUT - [0:0]
:KUBE-NWPLCY-DEFAULT - [0:0]
:KUBE-POD-FW-TT2IUJ4CPAVNDDSJ - [0:0]
-A INPUT -m comment --comment "kube-router netpol - 4IA2OSFRMVNDXBVV" -j KUBE-ROUTER-INPUT
-A FORWARD -m comment --comment "kube-router netpol - TEMCG2JMVZWTNG7C" -j KUBE-ROUTER-FORWARD
-A OUTPUT -m comment --comment "kube-router netpol - VEAAIY32XVBHCSCY" -j KUBE-ROUTER-OUTPUT
-A KUBE-ROUTER-FORWARD -d @node -j KUBE-POD-FW-TT2IUJ4CPAVNDDSJ
-A KUBE-POD-FW-TT2IUJ4CPAVNDDSJ -d @node -j KUBE-NWPLCY-DEFAULT
-A KUBE-NWPLCY-DEFAULT -j MARK --set-xmark 0x10000/0x10000
COMMIT
)"},
    Sample{Owner::antrea, "antrea", R"(*raw
:ANTREA-PREROUTING - [0:0]
:ANTREA-OUTPUT - [0:0]
-A PREROUTING -m comment --comment "Antrea: jump to Antrea prerouting rules" -j ANTREA-PREROUTING
-A OUTPUT -m comment --comment "Antrea: jump to Antrea output rules" -j ANTREA-OUTPUT
-A ANTREA-PREROUTING -p udp -m udp --dport 6081 -m addrtype --dst-type LOCAL -j CT --notrack
COMMIT
*mangle
:ANTREA-MANGLE - [0:0]
-A PREROUTING -m comment --comment "Antrea: jump to Antrea mangle rules" -j ANTREA-MANGLE
COMMIT
*nat
:ANTREA-POSTROUTING - [0:0]
-A POSTROUTING -m comment --comment "Antrea: jump to Antrea postrouting rules" -j ANTREA-POSTROUTING
-A ANTREA-POSTROUTING -s @pods ! -o antrea-gw0 -j MASQUERADE
COMMIT
*filter
:ANTREA-FORWARD - [0:0]
-A FORWARD -m comment --comment "Antrea: jump to Antrea forwarding rules" -j ANTREA-FORWARD
-A ANTREA-FORWARD -i antrea-gw0 -j ACCEPT
COMMIT
)"},
    Sample{Owner::weave, "weave", R"(*mangle
:WEAVE-CANARY - [0:0]
COMMIT
*nat
:WEAVE - [0:0]
-A POSTROUTING -j WEAVE
-A WEAVE -s @pods ! -d @pods -j MASQUERADE
COMMIT
*filter
:WEAVE-NPC - [0:0]
:WEAVE-NPC-DEFAULT - [0:0]
:WEAVE-NPC-EGRESS - [0:0]
-A FORWARD -i weave -j WEAVE-NPC-EGRESS
-A FORWARD -o weave -j WEAVE-NPC
-A WEAVE-NPC -m conntrack --ctstate NEW -j WEAVE-NPC-DEFAULT
COMMIT
)"},
    Sample{Owner::aws_cni, "aws-cni", R"(*nat
:AWS-SNAT-CHAIN-0 - [0:0]
:AWS-CONNMARK-CHAIN-0 - [0:0]
-A PREROUTING -i eni+ -m comment --comment "AWS, outbound connections" -j AWS-CONNMARK-CHAIN-0
-A POSTROUTING -m comment --comment "AWS SNAT CHAIN" -j AWS-SNAT-CHAIN-0
-A AWS-SNAT-CHAIN-0 -d @pods -m comment --comment "AWS SNAT CHAIN" -j RETURN
-A AWS-CONNMARK-CHAIN-0 -d @pods -j RETURN
-A AWS-CONNMARK-CHAIN-0 -j CONNMARK --set-xmark 0x80/0x80
COMMIT
)"},
    Sample{Owner::cni_plugins, "cni-plugins", R"(*nat
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-MASQ - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
:CNI-DN-2fd3a01d804b10ca8ef8d - [0:0]
:CNI-f4a2ba37b7c45a6f0a75e202 - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
-A POSTROUTING -s @node -m comment --comment "name: \"podnet\" id: \"2aa1bac9\"" -j CNI-f4a2ba37b7c45a6f0a75e202
-A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 443,8443 -j CNI-DN-2fd3a01d804b10ca8ef8d
-A CNI-DN-2fd3a01d804b10ca8ef8d -s @pods -p tcp -m tcp --dport 443 -j CNI-HOSTPORT-SETMARK
-A CNI-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000
-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
COMMIT
*filter
:CNI-FORWARD - [0:0]
:CNI-ADMIN - [0:0]
-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
-A CNI-FORWARD -s @node -j ACCEPT
COMMIT
)"},
    Sample{Owner::nodelocaldns, "nodelocaldns", R"(*raw
-A PREROUTING -d @node -p udp -m udp --dport 53 -m comment --comment "NodeLocal DNS Cache: skip conntrack" -j CT --notrack
-A OUTPUT -s @node -p udp -m udp --sport 53 -m comment --comment "NodeLocal DNS Cache: skip conntrack" -j CT --notrack
COMMIT
*filter
-A INPUT -d @node -p udp -m udp --dport 53 -m comment --comment "NodeLocal DNS Cache: allow DNS traffic" -j ACCEPT
COMMIT
)"},
    Sample{Owner::ip_masq_agent, "ip-masq-agent", R"(*nat
:IP-MASQ-AGENT - [0:0]
-A POSTROUTING -m addrtype ! --dst-type LOCAL -j IP-MASQ-AGENT
-A IP-MASQ-AGENT -d @pods -j RETURN
-A IP-MASQ-AGENT -j MASQUERADE
COMMIT
)"},
    Sample{Owner::docker, "docker", R"(*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -i docker0 -j RETURN
COMMIT
*filter
:DOCKER - [0:0]
:DOCKER-FORWARD - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1
-A DOCKER-FORWARD -o docker0 -j DOCKER
COMMIT
)"},
    Sample{Owner::istio, "istio", R"(*nat
:ISTIO_INBOUND - [0:0]
:ISTIO_IN_REDIRECT - [0:0]
:ISTIO_OUTPUT - [0:0]
:ISTIO_REDIRECT - [0:0]
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A OUTPUT -p tcp -j ISTIO_OUTPUT
-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -j ISTIO_REDIRECT
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
COMMIT
)"},
    Sample{Owner::libvirt, "libvirt", R"(*mangle
:LIBVIRT_PRT - [0:0]
-A POSTROUTING -j LIBVIRT_PRT
COMMIT
*nat
:LIBVIRT_PRT - [0:0]
-A POSTROUTING -j LIBVIRT_PRT
-A LIBVIRT_PRT -s @pods ! -d @pods -j MASQUERADE
COMMIT
*filter
:LIBVIRT_FWI - [0:0]
:LIBVIRT_FWO - [0:0]
:LIBVIRT_FWX - [0:0]
:LIBVIRT_INP - [0:0]
:LIBVIRT_OUT - [0:0]
-A INPUT -j LIBVIRT_INP
-A FORWARD -j LIBVIRT_FWX
-A FORWARD -j LIBVIRT_FWI
-A FORWARD -j LIBVIRT_FWO
-A OUTPUT -j LIBVIRT_OUT
-A LIBVIRT_INP -i virbr0 -p udp -m udp --dport 53 -j ACCEPT
COMMIT
)"},
    Sample{Owner::ufw, "ufw", R"(*filter
:@ufw-before-logging-input - [0:0]
:@ufw-before-input - [0:0]
:@ufw-user-input - [0:0]
:@ufw-track-output - [0:0]
-A INPUT -j @ufw-before-logging-input
-A INPUT -j @ufw-before-input
-A OUTPUT -j @ufw-track-output
-A @ufw-before-input -i lo -j ACCEPT
-A @ufw-before-input -j @ufw-user-input
-A @ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
)"},
    Sample{Owner::firewalld, "firewalld", R"(*nat
:PREROUTING_direct - [0:0]
:PREROUTING_ZONES - [0:0]
:PRE_public - [0:0]
:PRE_public_allow - [0:0]
-A PREROUTING -j PREROUTING_direct
-A PREROUTING -j PREROUTING_ZONES
-A PREROUTING_ZONES -g PRE_public
-A PRE_public -j PRE_public_allow
COMMIT
*filter
:INPUT_direct - [0:0]
:INPUT_ZONES - [0:0]
:INPUT_ZONES_SOURCE - [0:0]
:IN_public - [0:0]
:IN_public_allow - [0:0]
:FORWARD_direct - [0:0]
:FORWARD_IN_ZONES - [0:0]
:FWDI_public - [0:0]
:OUTPUT_direct - [0:0]
-A INPUT -j INPUT_direct
-A INPUT -j INPUT_ZONES_SOURCE
-A INPUT -j INPUT_ZONES
-A FORWARD -j FORWARD_direct
-A FORWARD -j FORWARD_IN_ZONES
-A OUTPUT -j OUTPUT_direct
-A INPUT_ZONES -g IN_public
-A IN_public -j IN_public_allow
-A IN_public_allow -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD_IN_ZONES -g FWDI_public
COMMIT
)"},
};
static_assert(kSamples.size() == kOwners.size());

const Sample& sample(Owner owner) {
  return kSamples.at(static_cast<std::size_t>(owner));
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

std::string_view label(Owner owner) {
  return sample(owner).label;
}

std::string foreign_rules(Owner owner, Family family) {
  const bool ipv4 = family == Family::ipv4;
  std::string text{sample(owner).text};
  replace_all(text, "@pods", ipv4 ? "10.244.0.0/16" : "fd00:10:245::/64");
  replace_all(text, "@node", ipv4 ? "169.254.20.10/32" : "fd00:90::a/128");
  replace_all(text, "@any", ipv4 ? "224.0.0.0/4" : "ff00::/8");
  replace_all(text, "@ufw", ipv4 ? "ufw" : "ufw6");
  return text;
}

}  // namespace kubecliff::test
