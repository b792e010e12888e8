// What is recommended for the settings that decide how a node behaves near its limits. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace kubecliff::evidence {

struct Recommendation {
  std::string_view setting;  // as sysctl names it
  std::optional<std::int64_t> least = {};
  std::optional<std::int64_t> most = {};
  std::string_view why = {};
};

// In the order in which they are written. Those with neither bound are there for their value.
[[nodiscard]] std::span<const Recommendation> recommendations();

// What kube-proxy sets, and what belongs to it: `conntrack.maxPerCore` and `conntrack.min` of
// KubeProxyConfiguration, a quarter as many buckets. Source: pkg/proxy/apis/config/v1alpha1
// defaults.go, cmd/kube-proxy/app/conntrack.go of Kubernetes.
[[nodiscard]] std::int64_t recommended_flows(std::int64_t cpus);

// Whether a value is within; nothing where nothing is recommended. Of a setting of several numbers
// the first counts, of net.ipv4.ip_local_port_range how many ports there are.
[[nodiscard]] std::optional<bool> follows(const Recommendation& recommendation,
                                          std::string_view value);

}  // namespace kubecliff::evidence
