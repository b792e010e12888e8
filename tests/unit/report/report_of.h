// A report with something of everything, for those who write reports.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/report/report.h"

namespace kubecliff::test {

// What a user may call a Service, and a server may answer.
inline constexpr std::string_view kHostile = "a\x1b[31m<b>|`*[x](http://x)\n\xff\"'&";

inline WallClock::time_point at(int seconds_since_epoch) {
  return WallClock::time_point{std::chrono::seconds{seconds_since_epoch}};
}

inline report::Report full_report() {
  const std::vector<Bound> bounds{
      {.severity = Severity::warning, .side = Bound::Side::above, .value = 0.7},
      {.severity = Severity::critical, .side = Bound::Side::above, .value = 0.85}};
  return {.node = "worker-1",
          .kernel = "6.1.0",
          .version = "0.1.0",
          .at = at(1'732'312'203),
          .covers = std::chrono::hours{6},
          .from_daemon = true,
          .mode = {.verdict = "iptables-nft",
                   .kube_proxy_mode = "ipvs",
                   .conflicts = {"kube_proxy_disagrees"}},
          .findings = {{.check = "conntrack_use",
                        .alert = "KubecliffConntrackUse",
                        .severity = Severity::critical,
                        .labels = {},
                        .summary = "The connection tracking table of worker-1 is 91.2% full",
                        .description = "At 100 % the node drops new connections.",
                        .next = "See who opens them.",
                        .runbook = "https://example.org/KubecliffConntrackUse.md",
                        .firing_since = at(1'732'311'603)},
                       {.check = "nat_rules",
                        .alert = "KubecliffNatRules",
                        .severity = Severity::warning,
                        .labels = {{"backend", "nft"}, {"family", "ipv4"}},
                        .summary = "worker-1 has 51008 rules",
                        .description = "An update takes seconds.",
                        .next = {},
                        .runbook = "https://example.org/KubecliffNatRules.md",
                        .firing_since = {}}},
          .measures = {{.check = "conntrack_use",
                        .group = "conntrack",
                        .labels = {},
                        .value = 0.912,
                        .unit = "ratio",
                        .bounds = bounds,
                        .exceeded = Severity::critical},
                       {.check = "nat_rules",
                        .group = "rules",
                        .labels = {{"backend", "nft"}, {"family", "ipv4"}},
                        .value = 12,
                        .unit = "rules",
                        .bounds = {{.severity = Severity::warning,
                                    .side = Bound::Side::above,
                                    .value = 50'000}},
                        .exceeded = {}}},
          .sections = {{.id = "costs",
                        .title = "What an update and a connection cost now",
                        .facts = {{.id = "new_flow_seconds",
                                   .text = "a new flow is sent in (median)",
                                   .labels = {{"family", "ipv4"}},
                                   .value = 0.000'108'8,
                                   .unit = "seconds"}}}},
          .curves = {{.id = "conntrack_entries",
                      .title = "Connections tracked",
                      .unit = "",
                      .points = {{.at = at(1'732'312'140), .value = 1},
                                 {.at = at(1'732'312'200), .value = 2}},
                      .bounds = {}}},
          .names = report::Names{.read_at = at(1'732'312'200),
                                 .services_by_endpoints = {{.name = std::string{kHostile},
                                                            .address = "10.96.0.10:53/udp",
                                                            .dataplane = "iptables-nft",
                                                            .endpoints = 1'200,
                                                            .rules = 3'600,
                                                            .packets = 12'345}},
                                 .uneven_services = {{.name = "shop/cart:http",
                                                      .address = "10.96.0.11:80/tcp",
                                                      .dataplane = "ipvs",
                                                      .endpoints = 2,
                                                      .rules = 0,
                                                      .packets = {},
                                                      .uneven = {{.address = "10.244.1.7:8080",
                                                                  .packets = 900,
                                                                  .share = 0.9,
                                                                  .expected = 0.5}}}},
                                 .flows = 200'000,
                                 .short_lived_flows = 150'000,
                                 .sources = {{.address = "10.244.1.9",
                                              .service = {},
                                              .flows = 90'000,
                                              .most_error = 12}},
                                 .stale_flows_total = 1'007,
                                 .stale_flows = {{.service = "kube-system/kube-dns:dns",
                                                  .address = "10.96.0.10:53/udp",
                                                  .backend = "10.244.9.9:53",
                                                  .flows = 7}},
                                 .missing = {"ipvs: not in this kernel"}},
          .failures = {"collector restore: " + std::string{kHostile}}};
}

}  // namespace kubecliff::test
