#include "exporter/evidence/rule_listing.h"

#include <linux/netfilter/xt_LOG.h>
#include <linux/netfilter/xt_NFLOG.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "collectors/iptables/chain_names.h"
#include "collectors/iptables/chain_record.h"
#include "collectors/iptables/reading.h"
#include "exporter/evidence/recognise.h"

namespace kubecliff::evidence {
namespace {

// Of kube-proxy in each mode, and of what else programs rules on nodes.
constexpr std::array<std::string_view, 110> kEverybodys{"KUBE-SERVICES",
                                                        "KUBE-EXTERNAL-SERVICES",
                                                        "KUBE-NODEPORTS",
                                                        "KUBE-MARK-MASQ",
                                                        "KUBE-MARK-DROP",
                                                        "KUBE-POSTROUTING",
                                                        "KUBE-FIREWALL",
                                                        "KUBE-PROXY-FIREWALL",
                                                        "KUBE-PROXY-CANARY",
                                                        "KUBE-KUBELET-CANARY",
                                                        "KUBE-FORWARD",
                                                        "KUBE-IPTABLES-HINT",
                                                        "KUBE-NODE-PORT",
                                                        "KUBE-LOAD-BALANCER",
                                                        "KUBE-SOURCE-RANGES-FIREWALL",
                                                        "KUBE-IPVS-FILTER",
                                                        "KUBE-IPVS-OUT-FILTER",
                                                        "KUBE-ROUTER-INPUT",
                                                        "KUBE-ROUTER-FORWARD",
                                                        "KUBE-ROUTER-OUTPUT",
                                                        "KUBE-SVC-ALL",
                                                        "kube-proxy",
                                                        "services",
                                                        "firewall",
                                                        "masquerading",
                                                        "reject-chain",
                                                        "mark-for-masquerade",
                                                        "service-endpoints-check",
                                                        "nodeport-endpoints-check",
                                                        "firewall-check",
                                                        "firewall-ips-check",
                                                        "cluster-ips-check",
                                                        "filter-prerouting",
                                                        "filter-input",
                                                        "filter-forward",
                                                        "filter-output",
                                                        "filter-output-post-dnat",
                                                        "filter-prerouting-pre-dnat",
                                                        "filter-output-pre-dnat",
                                                        "nat-prerouting",
                                                        "nat-output",
                                                        "nat-postrouting",
                                                        "service-ips",
                                                        "service-nodeports",
                                                        "no-endpoint-services",
                                                        "no-endpoint-nodeports",
                                                        "firewall-ips",
                                                        "cluster-ips",
                                                        "nodeport-ips",
                                                        "hairpin-connections",
                                                        "cali-PREROUTING",
                                                        "cali-INPUT",
                                                        "cali-FORWARD",
                                                        "cali-OUTPUT",
                                                        "cali-POSTROUTING",
                                                        "cali-fip-dnat",
                                                        "cali-fip-snat",
                                                        "cali-nat-outgoing",
                                                        "cali-wl-to-host",
                                                        "cali-from-wl-dispatch",
                                                        "cali-to-wl-dispatch",
                                                        "cali-from-host-endpoint",
                                                        "cali-to-host-endpoint",
                                                        "cali-from-hep-forward",
                                                        "cali-to-hep-forward",
                                                        "cali-cidr-block",
                                                        "cali-rpf-skip",
                                                        "CILIUM_INPUT",
                                                        "CILIUM_OUTPUT",
                                                        "CILIUM_FORWARD",
                                                        "CILIUM_PRE_mangle",
                                                        "CILIUM_PRE_raw",
                                                        "CILIUM_PRE_nat",
                                                        "CILIUM_POST_mangle",
                                                        "CILIUM_POST_nat",
                                                        "CILIUM_OUTPUT_nat",
                                                        "CILIUM_OUTPUT_raw",
                                                        "FLANNEL-POSTRTG",
                                                        "FLANNEL-FWD",
                                                        "CNI-FORWARD",
                                                        "CNI-ADMIN",
                                                        "CNI-HOSTPORT-DNAT",
                                                        "CNI-HOSTPORT-SETMARK",
                                                        "CNI-HOSTPORT-MASQ",
                                                        "CNI-ISOLATION-STAGE-1",
                                                        "CNI-ISOLATION-STAGE-2",
                                                        "IP-MASQ",
                                                        "IP-MASQ-AGENT",
                                                        "WEAVE",
                                                        "WEAVE-NPC",
                                                        "AWS-SNAT-CHAIN-0",
                                                        "AWS-CONNMARK-CHAIN-0",
                                                        "DOCKER",
                                                        "DOCKER-USER",
                                                        "DOCKER-FORWARD",
                                                        "DOCKER-BRIDGE",
                                                        "DOCKER-CT",
                                                        "DOCKER-INTERNAL",
                                                        "DOCKER-ISOLATION-STAGE-1",
                                                        "DOCKER-ISOLATION-STAGE-2",
                                                        "ISTIO_INBOUND",
                                                        "ISTIO_OUTPUT",
                                                        "ISTIO_REDIRECT",
                                                        "ISTIO_IN_REDIRECT",
                                                        "LIBVIRT_INP",
                                                        "LIBVIRT_OUT",
                                                        "LIBVIRT_FWI",
                                                        "LIBVIRT_FWO",
                                                        "LIBVIRT_FWX",
                                                        "LIBVIRT_PRT"};

// Of names that can be guessed, as hashed_prefix() tells, or of a container's id:
// "CNI-0123456789abcdef01234567".
bool is_hashed(std::string_view name) {
  struct Form {
    std::string_view prefix;
    std::size_t size;
  };
  constexpr std::array kOfIds{Form{"CNI-", 24}, Form{"CNI-DN-", 21}, Form{"CNI-SN-", 21}};
  return !hashed_prefix(name).empty() || std::ranges::any_of(kOfIds, [name](const Form& form) {
    const std::string_view hash = name.substr(std::min(form.prefix.size(), name.size()));
    return name.starts_with(form.prefix) && hash.size() == form.size &&
           std::ranges::all_of(
               hash, [](char byte) { return is_digit(byte) || (byte >= 'a' && byte <= 'f'); });
  });
}

// Of words that ufw, firewalld and Calico themselves use: "ufw-before-input", "IN_public_allow",
// "filter_INPUT_ZONES", "cali-failsafe-in".
bool is_of_usual_words(std::string_view name) {
  constexpr auto kUsual = std::to_array<std::string_view>(
      {"ufw",         "ufw6",     "before",   "after",     "input",  "output",   "forward",
       "logging",     "user",     "limit",    "accept",    "reject", "track",    "not",
       "local",       "skip",     "to",       "policy",    "filter", "nat",      "mangle",
       "raw",         "IN",       "FWD",      "FWDI",      "FWDO",   "PRE",      "POST",
       "INPUT",       "OUTPUT",   "FORWARD",  "ZONES",     "SOURCE", "POLICIES", "direct",
       "PREROUTING",  "public",   "block",    "dmz",       "drop",   "external", "home",
       "POSTROUTING", "internal", "trusted",  "work",      "docker", "pre",      "post",
       "log",         "deny",     "allow",    "firewalld", "cali",   "failsafe", "in",
       "out",         "check",    "dispatch", "from",      "wl",     "hep"});
  while (!name.empty()) {
    const std::size_t end = std::min(name.find_first_of("-_"), name.size());
    if (std::ranges::find(kUsual, name.substr(0, end)) == kUsual.end()) {
      return false;
    }
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return true;
}

// "__set0", "__map7": without a name.
bool is_anonymous(std::string_view name) {
  return (name.starts_with("__set") || name.starts_with("__map")) &&
         name.find_first_not_of("0123456789", 5) == std::string_view::npos;
}

}  // namespace

void learn_object(std::string_view name, Names& names) {
  // Names of Services stand in those of kube-proxy's objects in nftables.
  if (name.find('/') != std::string_view::npos) {
    names.add(name);
    return;
  }
  if (iptables::built_in(name) != iptables::ChainKind::user ||
      std::ranges::find(iptables::kTables, name) != iptables::kTables.end() ||
      std::ranges::find(kEverybodys, name) != kEverybodys.end() || is_hashed(name) ||
      is_of_usual_words(name) || is_anonymous(name)) {
    return;
  }
  if (iptables::owner_of(name) != iptables::Owner::other) {
    name.remove_prefix(name.find_first_of("-_") + 1);
  }
  names.add(name);
  while (name.find('.') != std::string_view::npos) {
    names.add(name.substr(0, name.find('.')));
    name.remove_prefix(name.find('.') + 1);
    names.add(name);
  }
}

void learn_log_prefix(std::string_view prefix, Names& names) {
  // The kernel writes "IN=eth0 OUT=" right behind it.
  names.add(prefix);
  names.add(std::string{prefix} + "IN");
}

void learn_log_target(std::string_view target, Bytes info, Names& names) {
  const std::size_t prefix = target == "LOG"     ? offsetof(xt_log_info, prefix)
                             : target == "NFLOG" ? offsetof(xt_nflog_info, prefix)
                                                 : info.size();
  if (prefix < info.size()) {
    learn_log_prefix(text_of(info.subspan(prefix)), names);
  }
}

}  // namespace kubecliff::evidence
