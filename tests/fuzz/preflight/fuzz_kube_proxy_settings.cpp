// What kube-proxy was told, as a command line, as a configuration, and as a version: taken or
// refused, and what a report says of it fit for a terminal.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "exporter/preflight/checks.h"
#include "exporter/preflight/kube_proxy_settings.h"
#include "exporter/preflight/report.h"
#include "exporter/preflight/version.h"

namespace {

using namespace kubecliff;
using namespace kubecliff::preflight;

void check_report(Target target, const KubeProxySettings& settings, std::string_view raw) {
  Report report{.target = target, .facts = {}, .checks = {}};
  report.facts.kernel = raw;
  report.facts.kube_proxy.presence = Presence::runs;
  report.facts.kube_proxy.version = raw;
  report.facts.kube_proxy.settings = settings;
  report.facts.mode = "iptables-nft";
  report.facts.features = Features{.services = 1, .node_ports = 1};
  report.checks = run_checks(target, report.facts);
  for (const std::string& text : {to_text(report), to_json(report)}) {
    const bool plain = std::ranges::all_of(
        text, [](char byte) { return byte == '\n' || (byte >= ' ' && byte <= '~'); });
    if (!plain) {
      std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  static_cast<void>(parse_version(text));
  if (const auto flags = parse_kube_proxy_flags(text)) {
    check_report(Target::ipvs, flags->settings, text);
  }
  if (const auto settings = parse_kube_proxy_config(text)) {
    check_report(Target::nftables, *settings, text);
  }
  return 0;
}
