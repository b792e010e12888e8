#include "exporter/preflight/kube_proxy_settings.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "exporter/config/config_file.h"

namespace kubecliff::preflight {
namespace {

std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorKind::malformed, std::move(message));
}

// What pflag and YAML both take for one.
std::optional<bool> parse_bool(std::string_view text) {
  constexpr std::array<std::string_view, 6> kTrue{"true", "True", "TRUE", "1", "t", "T"};
  constexpr std::array<std::string_view, 6> kFalse{"false", "False", "FALSE", "0", "f", "F"};
  if (std::ranges::find(kTrue, text) != kTrue.end()) {
    return true;
  }
  return std::ranges::find(kFalse, text) != kFalse.end() ? std::optional{false} : std::nullopt;
}

std::string_view take_until(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(taken.size() + 1, text.size()));
  return taken;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    words.emplace_back(take_until(text, ','));
  }
  return words;
}

// One setting: its flag, its key in the file, and where it goes.
struct Known {
  std::string_view flag;
  std::string_view key;
  std::optional<std::string> KubeProxySettings::* text = nullptr;
  std::optional<bool> KubeProxySettings::* on_off = nullptr;
  std::optional<std::vector<std::string>> KubeProxySettings::* list = nullptr;
};
// An empty flag is none, as of what only the file can say.
constexpr std::array kKnown{
    Known{.flag = "proxy-mode", .key = "mode", .text = &KubeProxySettings::mode},
    Known{.flag = "cluster-cidr", .key = "clusterCIDR", .text = &KubeProxySettings::cluster_cidr},
    Known{.flag = "detect-local-mode",
          .key = "detectLocalMode",
          .text = &KubeProxySettings::detect_local_mode},
    Known{.flag = "ipvs-scheduler", .key = "ipvs.scheduler", .text = &KubeProxySettings::scheduler},
    Known{.flag = "nodeport-addresses",
          .key = "nodePortAddresses",
          .list = &KubeProxySettings::node_ports_on},
    Known{.flag = "ipvs-strict-arp",
          .key = "ipvs.strictARP",
          .on_off = &KubeProxySettings::strict_arp},
    Known{.flag = "iptables-localhost-nodeports",
          .key = "iptables.localhostNodePorts",
          .on_off = &KubeProxySettings::localhost_node_ports},
    Known{.flag = "masquerade-all",
          .key = "iptables.masqueradeAll",
          .on_off = &KubeProxySettings::masquerade_all},
    Known{.flag = "conntrack-tcp-be-liberal",
          .key = "conntrack.tcpBeLiberal",
          .on_off = &KubeProxySettings::tcp_be_liberal},
    Known{.flag = "",
          .key = "featureGates.NFTablesProxyMode",
          .on_off = &KubeProxySettings::nftables_gate},
    Known{.flag = "", .key = "featureGates.KubeProxyIPVS", .on_off = &KubeProxySettings::ipvs_gate},
};

// kube-proxy takes underscores for dashes.
std::string flag_name(std::string_view argument) {
  std::string name{argument.substr(0, argument.find('='))};
  std::ranges::replace(name, '_', '-');
  return name;
}

class FlagReader {
 public:
  explicit FlagReader(std::string_view cmdline) : left_{cmdline} {}

  Result<KubeProxyFlags> read() {
    (void)take_until(left_, '\0');  // the program
    while (!left_.empty()) {
      std::string_view argument = take_until(left_, '\0');
      if (argument == "--") {
        break;
      }
      if (!argument.starts_with("--")) {
        continue;
      }
      argument.remove_prefix(2);
      if (Result<void> taken = take(argument); !taken) {
        return std::unexpected(std::move(taken.error()));
      }
    }
    return std::move(flags_);
  }

 private:
  Result<void> take(std::string_view argument) {
    const std::string name = flag_name(argument);
    if (name == "config") {
      flags_.config_file = value_of(argument);
      return {};
    }
    if (name == "feature-gates") {
      return take_gates(value_of(argument));
    }
    const auto* known = std::ranges::find(kKnown, name, &Known::flag);
    if (name.empty() || known == kKnown.end()) {
      return {};
    }
    if (known->text != nullptr) {
      flags_.settings.*known->text = value_of(argument);
    } else if (known->list != nullptr) {
      flags_.settings.*known->list = split(value_of(argument));
    } else {
      const std::size_t equals = argument.find('=');
      const auto value = equals == std::string_view::npos ? std::optional{true}
                                                          : parse_bool(argument.substr(equals + 1));
      if (!value) {
        return malformed("--" + name + ": expected true or false");
      }
      flags_.settings.*known->on_off = value;
    }
    return {};
  }

  Result<void> take_gates(const std::string& text) {
    for (const std::string& gate : split(text)) {
      const std::size_t equals = std::min(gate.find('='), gate.size());
      const std::string key = "featureGates." + gate.substr(0, equals);
      const auto* known = std::ranges::find(kKnown, key, &Known::key);
      if (known == kKnown.end()) {
        continue;
      }
      const auto value =
          parse_bool(std::string_view{gate}.substr(std::min(equals + 1, gate.size())));
      if (!value) {
        return malformed("--feature-gates: expected true or false of each");
      }
      flags_.settings.*known->on_off = value;
    }
    return {};
  }

  // Behind the equals sign, or the next argument.
  std::string value_of(std::string_view argument) {
    const std::size_t equals = argument.find('=');
    return std::string{equals == std::string_view::npos ? take_until(left_, '\0')
                                                        : argument.substr(equals + 1)};
  }

  std::string_view left_;
  KubeProxyFlags flags_;
};

// Empty where the entry is well, otherwise what is wrong with it.
std::string store(const FileEntry& entry, KubeProxySettings& settings) {
  if (entry.key == "kind") {
    const bool right = entry.values == std::vector<std::string>{"KubeProxyConfiguration"};
    return right ? "" : "kind: expected KubeProxyConfiguration";
  }
  const auto* known = std::ranges::find(kKnown, entry.key, &Known::key);
  if (known == kKnown.end()) {
    return {};
  }
  // `nodePortAddresses: null` and `mode: ""` are how kubeadm says that nothing is set.
  const bool scalar = entry.form == FileEntry::Form::scalar;
  if (entry.form == FileEntry::Form::other ||
      (scalar && (entry.values.front().empty() || entry.values.front() == "null"))) {
    return {};
  }
  if (known->list != nullptr) {
    if (scalar) {
      return entry.key + ": expected a list";
    }
    if (!entry.values.empty()) {
      settings.*known->list = entry.values;
    }
    return {};
  }
  if (!scalar) {
    return entry.key + ": expected one value, got a list";
  }
  if (known->text != nullptr) {
    settings.*known->text = entry.values.front();
    return {};
  }
  settings.*known->on_off = parse_bool(entry.values.front());
  return settings.*known->on_off ? "" : entry.key + ": expected true or false";
}

}  // namespace

Result<KubeProxyFlags> parse_kube_proxy_flags(std::string_view cmdline) {
  return FlagReader{cmdline}.read();
}

Result<KubeProxySettings> parse_kube_proxy_config(std::string_view text) {
  if (text.size() > kMostConfigBytes) {
    return malformed("longer than any configuration of kube-proxy");
  }
  if (text.find('&') != std::string_view::npos) {
    return malformed("has anchors, which are not read");
  }
  KubeProxySettings settings;
  const Result<void> visited = visit_config_text(
      text, "line", [&settings](const FileEntry& entry) { return store(entry, settings); });
  return visited ? Result<KubeProxySettings>{std::move(settings)}
                 : std::unexpected(visited.error());
}

}  // namespace kubecliff::preflight
