#include "exporter/preflight/kube_proxy.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "collectors/kernel/procfs.h"
#include "collectors/kubeproxy/endpoint.h"
#include "collectors/kubeproxy/http_get.h"
#include "collectors/kubeproxy/process.h"
#include "collectors/kubeproxy/text_format.h"
#include "exporter/preflight/root_file.h"

namespace kubecliff::preflight {
namespace {

using kubeproxy::TextFamilies;
using kubeproxy::TextParser;

constexpr std::string_view kBuildInfo = "kubernetes_build_info";

TextParser build_info_parser() {
  return TextParser{[](std::string_view family) { return family == kBuildInfo; }};
}

// k3s serves its whole control plane there; all of it is of one build.
std::string version_in(const TextFamilies& families) {
  const auto family = families.find(kBuildInfo);
  if (family == families.end() || family->second.samples.empty()) {
    return {};
  }
  const auto& labels = family->second.samples.front().labels;
  const auto version = std::ranges::find(labels, "git_version", &kubeproxy::TextLabel::name);
  return version == labels.end() ? std::string{} : version->value;
}

Result<std::string> ask_version(const kubeproxy::Endpoint& endpoint) {
  constexpr kubeproxy::GetLimits kLimits{.body_bytes = std::size_t{32} << 20U,
                                         .time = std::chrono::seconds{5}};
  TextParser parser = build_info_parser();
  const Result<void> got =
      kubeproxy::http_get(endpoint, "/metrics", kLimits,
                          [&parser](std::string_view piece) { return parser.feed(piece); });
  if (!got) {
    return std::unexpected(got.error());
  }
  const Result<TextFamilies> families = parser.finish();
  return families ? Result<std::string>{version_in(*families)} : std::unexpected(families.error());
}

Result<void> read_settings(const std::filesystem::path& process, KubeProxy& found) {
  found.settings_from = kFromCommandLine;
  const Result<std::string> cmdline = read_file(process / "cmdline");
  if (!cmdline) {
    return std::unexpected(cmdline.error());
  }
  Result<KubeProxyFlags> flags = parse_kube_proxy_flags(*cmdline);
  if (!flags) {
    return prefixed("kube-proxy's command line", std::move(flags.error()));
  }
  if (flags->config_file.empty()) {
    found.settings = std::move(flags->settings);
    return {};
  }
  found.settings_from = flags->config_file;
  const Result<std::string> text =
      read_below(process / "root", flags->config_file, kMostConfigBytes);
  if (!text) {
    return std::unexpected(text.error());
  }
  Result<KubeProxySettings> settings = parse_kube_proxy_config(*text);
  if (!settings) {
    return prefixed(flags->config_file, std::move(settings.error()));
  }
  found.settings = std::move(*settings);
  return {};
}

}  // namespace

KubeProxy look_at_kube_proxy(const KubeProxyPlace& place, Clock::time_point now) {
  KubeProxy found;
  if (const auto endpoint = kubeproxy::parse_endpoint(place.url)) {
    Result<std::string> version = ask_version(*endpoint);
    found.version_unread = version ? "" : version.error().message;
    found.version = std::move(version).value_or("");
  }

  kubeproxy::KubeProxyProcess process{place.procfs};
  const auto usage = process.look(now);
  const auto pid = process.pid();
  if (!usage || !pid) {
    found.settings_unread = usage ? "its process is not seen" : usage.error().message;
    return found;
  }
  const std::filesystem::path folder = place.procfs / std::to_string(*pid);
  if (const Result<void> read = read_settings(folder, found); !read) {
    found.settings_unread = read.error().message;
  }
  for (const std::string_view tool : place.tools) {
    if (const Result<bool> there = has_program(folder / "root", std::string{tool})) {
      found.tools.emplace(tool, *there);
    }
  }
  return found;
}

}  // namespace kubecliff::preflight
