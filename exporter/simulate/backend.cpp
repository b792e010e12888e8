#include "exporter/simulate/backend.h"

#include <unistd.h>

#include <algorithm>
#include <span>

#include "collectors/dataplane/requirements.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/nftables.h"
#include "collectors/kernel/procfs.h"
#include "exporter/console/text.h"
#include "exporter/simulate/child.h"

namespace kubecliff::simulate {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kNames{"iptables-legacy", "iptables-nft", "nftables",
                                                 "ipvs"};

// What the rules of ruleset.h, nftables_ruleset.h and ipvs_ruleset.h use. Left out is what comes
// along with one of these. Sources: net/netfilter/Kconfig, net/ipv4/netfilter/Kconfig.
constexpr Feature kXtComment{"xt_comment", "CONFIG_NETFILTER_XT_MATCH_COMMENT", "comment_mt"};
constexpr Feature kXtMark{"xt_mark", "CONFIG_NETFILTER_XT_MARK", "mark_tg"};
constexpr Feature kXtMasquerade{"xt_MASQUERADE", "CONFIG_NETFILTER_XT_TARGET_MASQUERADE",
                                "masquerade_tg", "CONFIG_IP_NF_TARGET_MASQUERADE"};
constexpr Feature kXtAddrtype{"xt_addrtype", "CONFIG_NETFILTER_XT_MATCH_ADDRTYPE",
                              "addrtype_mt_v1"};
constexpr Feature kXtConntrack{"xt_conntrack", "CONFIG_NETFILTER_XT_MATCH_CONNTRACK",
                               "conntrack_mt_v3"};
constexpr Feature kXtTcpudp{"xt_tcpudp", "CONFIG_NETFILTER_XTABLES", "tcp_mt"};
constexpr Feature kNftChainNat{"nft_chain_nat", "CONFIG_NFT_NAT", "nft_nat_do_chain"};

constexpr std::array kLegacy{
    Feature{"ip_tables", "CONFIG_IP_NF_IPTABLES_LEGACY", "ipt_do_table", "CONFIG_IP_NF_IPTABLES"},
    Feature{"iptable_nat", "CONFIG_IP_NF_NAT", "iptable_nat_table_init"},
    Feature{"iptable_filter", "CONFIG_IP_NF_FILTER", "iptable_filter_table_init"},
    Feature{"iptable_mangle", "CONFIG_IP_NF_MANGLE", "iptable_mangle_hook"},
    kXtComment,
    kXtMark,
    kXtMasquerade,
    kXtAddrtype,
    kXtConntrack,
    kXtTcpudp,
    dataplane::kXtStatistic,
    dataplane::kXtNat};
constexpr std::array kNft{netlink::kNfTables,
                          Feature{"nft_compat", "CONFIG_NFT_COMPAT", "nft_match_eval"},
                          kNftChainNat,
                          kXtComment,
                          kXtMark,
                          kXtMasquerade,
                          kXtAddrtype,
                          kXtConntrack,
                          kXtTcpudp,
                          dataplane::kXtStatistic,
                          dataplane::kXtNat};
constexpr std::array kNftables{
    netlink::kNfTables,
    kNftChainNat,
    Feature{"nft_ct", "CONFIG_NFT_CT", "nft_ct_get_init"},
    dataplane::kNftNat,
    dataplane::kNftMasq,
    dataplane::kNftNumgen,
    Feature{"nft_reject_ipv4", "CONFIG_NFT_REJECT_IPV4", "nft_reject_ipv4_eval"}};
constexpr std::array kIpvs{dataplane::kIpVs, dataplane::kIpVsRr};

std::span<const Feature> features_of(Backend backend) {
  switch (backend) {
    case Backend::iptables_legacy:
      return kLegacy;
    case Backend::iptables_nft:
      return kNft;
    case Backend::nftables:
      return kNftables;
    case Backend::ipvs:
      break;
  }
  return kIpvs;
}

std::string find_program(std::string_view program, std::string_view path) {
  while (!path.empty()) {
    const std::string_view folder = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(folder.size() + 1, path.size()));
    std::string file = std::string{folder} + "/" + std::string{program};
    if (!folder.empty() && ::access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return {};
}

// One line, of what anybody may print.
std::string version_of(const std::string& program) {
  const auto run = run_tool({program, "--version"}, {.output = Output::kept});
  constexpr std::size_t kMost = 100;
  return run && run->exit_status == 0
             ? console::printable(std::string_view{run->out}.substr(0, run->out.find('\n')), kMost)
             : std::string{};
}

// Legacy tools that do not know it take the node's own lock, for as long as a restore takes.
bool knows_lock_file(const std::string& program) {
  constexpr std::size_t kMost = std::size_t{16} << 20U;
  const auto bytes = read_file(program, kMost);
  return bytes && bytes->find("XTABLES_LOCKFILE") != std::string::npos;
}

Found find_iptables(Backend backend, std::string_view path) {
  const bool legacy = backend == Backend::iptables_legacy;
  const std::string_view own = legacy ? "iptables-legacy-" : "iptables-nft-";
  for (const std::string_view prefix : {own, std::string_view{"iptables-"}}) {
    Tools tools{.writer = find_program(std::string{prefix} + "restore", path),
                .lister = find_program(std::string{prefix} + "save", path),
                .version = {}};
    if (tools.writer.empty() || tools.lister.empty() ||
        (legacy && !knows_lock_file(tools.writer))) {
      continue;
    }
    tools.version = version_of(tools.writer);
    // "iptables-restore v1.8.9 (nf_tables)"; before 1.8 there was nothing but legacy to name.
    const bool of_nft = tools.version.find("(nf_tables)") != std::string::npos;
    if (prefix == own || (!tools.version.empty() && of_nft != legacy)) {
      return {.tools = std::move(tools), .missing = {}};
    }
  }
  return {.tools = std::nullopt,
          .missing = std::string{own} + "restore and " + std::string{own} +
                     "save, nor an iptables-restore of that backend (Debian's package iptables)" +
                     (legacy ? ", that can be kept from the node's xtables.lock" : "")};
}

Found find_one(std::string_view program, std::string_view package, std::string_view path) {
  const std::string file = find_program(program, path);
  if (file.empty()) {
    return {.tools = std::nullopt,
            .missing = std::string{program} + " (Debian's package " + std::string{package} + ")"};
  }
  return {.tools = Tools{.writer = file, .lister = file, .version = version_of(file)},
          .missing = {}};
}

}  // namespace

std::string_view name(Backend backend) {
  return kNames[static_cast<std::size_t>(backend)];
}

std::optional<Backend> parse_backend(std::string_view name) {
  const auto* found = std::ranges::find(kNames, name);
  return found == kNames.end() ? std::nullopt
                               : std::optional{static_cast<Backend>(found - kNames.begin())};
}

Found find_tools(Backend backend, std::string_view path) {
  switch (backend) {
    case Backend::iptables_legacy:
    case Backend::iptables_nft:
      return find_iptables(backend, path);
    case Backend::nftables:
      return find_one("nft", "nftables", path);
    case Backend::ipvs:
      break;
  }
  return find_one("ipvsadm", "ipvsadm", path);
}

std::string kernel_lacks(Backend backend, LoadModules load, const fs::path& procfs,
                         const fs::path& sysfs) {
  const std::span<const Feature> features = features_of(backend);
  const std::vector<ModuleState> states = find_modules(features, procfs, sysfs);
  std::string lacking;
  std::string loadable;
  for (std::size_t i = 0; i < features.size(); ++i) {
    std::string* list = nullptr;
    if (states[i] == ModuleState::loadable || states[i] == ModuleState::unknown) {
      list = load == LoadModules::yes ? nullptr : &loadable;
    } else if (!ready(states[i])) {
      list = &lacking;
    }
    if (list != nullptr) {
      *list += (list->empty() ? "" : ", ") + std::string{features[i].module};
    }
  }
  if (!lacking.empty()) {
    return "this kernel does not have " + lacking;
  }
  return loadable.empty() ? loadable
                          : "not loaded: " + loadable + "; --load-modules has them loaded";
}

}  // namespace kubecliff::simulate
