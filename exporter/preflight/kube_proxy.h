// This node's kube-proxy, asked at its port and looked at as a process.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "collectors/core/collector.h"
#include "exporter/preflight/facts.h"

namespace kubecliff::preflight {

struct KubeProxyPlace {
  std::filesystem::path procfs;
  std::string url;                               // of its metrics
  std::span<const std::string_view> tools = {};  // programs that it would start after the move
};

// Its version and settings, and whether its file system has the tools; its mode, counters and
// whether it runs are for the collector `kubeproxy` to say. What goes wrong is in the value, in
// words.
[[nodiscard]] KubeProxy look_at_kube_proxy(const KubeProxyPlace& place, Clock::time_point now);

}  // namespace kubecliff::preflight
