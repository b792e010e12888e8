#include "tests/support/reports.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "tests/support/text.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;
using report::Curve;
using report::Fact;
using report::Finding;
using report::Measure;
using report::Names;
using report::Report;
using report::Section;
using report::ServiceRow;
using report::StaleRow;
using report::TalkerRow;

constexpr WallClock::time_point kNow{std::chrono::seconds{1'795'384'205}};  // 2026-11-22 21:50:05

Bound above(Severity severity, double value) {
  return {.severity = severity, .side = Bound::Side::above, .value = value};
}

std::vector<Bound> bounds(double warning, double critical) {
  return {above(Severity::warning, warning), above(Severity::critical, critical)};
}

Curve curve(std::string id, std::string title, std::string unit, double base, double swing) {
  Curve made{.id = std::move(id), .title = std::move(title), .unit = std::move(unit), .points = {}};
  for (int minute = 0; minute < 360; ++minute) {
    // Half an hour in which nobody looked.
    if (minute < 120 || minute >= 150) {
      made.points.push_back(
          {.at = kNow - 360min + std::chrono::minutes{minute},
           .value = base + swing * std::sin(minute / 50.0) + swing * 0.05 * (minute % 7)});
    }
  }
  return made;
}

Report report(std::string node) {
  return {.node = std::move(node),
          .kernel = "6.1.0-28-cloud-amd64",
          .version = "0.9.0",
          .at = kNow,
          .covers = 6h,
          .from_daemon = true,
          .mode = {.verdict = "iptables-nft", .kube_proxy_mode = "iptables", .conflicts = {}},
          .findings = {},
          .measures = {},
          .sections = {},
          .curves = {},
          .names = {},
          .names_withheld = {},
          .failures = {}};
}

std::vector<Section> sections() {
  return {
      {.id = "size",
       .title = "Size",
       .facts =
           {{"iptables_services", "Service ports in iptables", {{"family", "ipv4"}}, 5'012, ""},
            {"iptables_endpoints", "endpoints in iptables", {{"family", "ipv4"}}, 25'060, ""},
            {"iptables_rules",
             "iptables rules",
             {{"backend", "nft"}, {"family", "ipv4"}},
             88'214,
             ""},
            {"worst_case_walk_rules",
             "rules that a new flow walks at worst",
             {{"backend", "nft"}, {"family", "ipv4"}},
             5'031,
             ""}}},
      {.id = "costs",
       .title = "What an update and a connection cost now",
       .facts = {{"restore_last_seconds",
                  "last update",
                  {{"command", "iptables-restore"}},
                  1.31,
                  "seconds"},
                 {"new_flow_seconds",
                  "a new flow is sent in (median)",
                  {{"family", "ipv4"}},
                  0.000'231,
                  "seconds"},
                 {"established_flow_seconds",
                  "a packet of an established flow is sent in (median)",
                  {{"family", "ipv4"}},
                  0.000'011,
                  "seconds"},
                 {"walk_cores", "CPU spent on walking rules", {}, 0.41, "cores"}}},
      {.id = "conntrack",
       .title = "Connection tracking",
       .facts = {{"conntrack_entries", "connections tracked", {}, 186'713, ""},
                 {"conntrack_limit", "connections that can be tracked", {}, 262'144, ""},
                 {"conntrack_growth", "growth", {}, 412.3, "/min"},
                 {"conntrack_full_in_seconds",
                  "full, if it goes on growing like that, in",
                  {},
                  10'980,
                  "seconds"}}},
  };
}

std::vector<Measure> far_measures() {
  return {{"conntrack_bucket_load", "conntrack", {}, 0.7, "entries a bucket", bounds(4, 16), {}},
          {"xtables_lock_wait", "programming", {}, 0.02, "seconds", bounds(5, 30), {}},
          {"tunnel_mtu",
           "dataplane",
           {{"device", "flannel.1"}},
           0,
           "bytes",
           {{.severity = Severity::warning, .side = Bound::Side::below, .value = 0}},
           {}}};
}

ServiceRow service(std::string name, std::string address, std::uint64_t endpoints,
                   std::uint64_t rules) {
  return {.name = std::move(name),
          .address = std::move(address),
          .dataplane = "iptables-nft",
          .endpoints = endpoints,
          .rules = rules,
          .packets = rules * 1'713};
}

Names names() {
  const std::vector<ServiceRow> services{
      service("shop/checkout:https", "10.96.12.7:443/tcp", 250, 760),
      service("observability/opentelemetry-collector-gateway-headless:otlp-grpc",
              "10.96.201.115:4317/tcp", 120, 370),
      service("kube-system/kube-dns:dns", "10.96.0.10:53/udp", 12, 46),
      service("", "10.96.77.3:9000/tcp", 3, 16)};
  ServiceRow uneven = service("shop/cart:http", "10.96.12.9:80/tcp", 3, 16);
  uneven.uneven = {{"10.244.1.7:8080", 91'312, 0.81, 1.0 / 3},
                   {"10.244.3.9:8080", 313, 0.002, 1.0 / 3}};
  return {
      .read_at = kNow,
      .services_by_endpoints = services,
      .services_by_rules = services,
      .services_by_packets = services,
      .uneven_services = {uneven},
      .flows = 186'713,
      .short_lived_flows = 150'011,
      .sources = {{"10.244.1.7", "", 91'204, 0}, {"10.244.3.31", "", 20'101, 12}},
      .destinations = {{"10.96.0.10:53/udp", "kube-system/kube-dns:dns", 88'312, 0},
                       {"[2001:db8:0:1:aaaa:bbbb:cccc:dddd]:8443/tcp", "", 2'201, 0}},
      .short_lived_sources = {{"10.244.1.7", "", 80'204, 0}},
      .short_lived_destinations = {{"10.96.0.10:53/udp", "kube-system/kube-dns:dns", 70'312, 0}},
      .stale_flows_total = 41,
      .stale_flows = {{"kube-system/kube-dns:dns", "10.96.0.10:53/udp", "10.244.9.2:53", 41}},
      .missing = {"affinity of Services: needs Linux 5.8"}};
}

std::vector<Curve> curves() {
  Curve entries = curve("conntrack_entries", "Connections tracked", "", 150'000, 32'000);
  entries.bounds = bounds(183'500.8, 222'822.4);
  return {
      std::move(entries), curve("rules", "Rules", "", 88'000, 200),
      curve("restore_seconds", "An update of the rules takes (mean)", "seconds", 1.2, 0.3),
      curve("new_flow_seconds", "A new flow is sent in (median)", "seconds", 0.000'22, 0.000'02)};
}

}  // namespace

Report fine_report() {
  Report made = report("node-7");
  made.measures = far_measures();
  made.measures.insert(made.measures.begin(),
                       {"conntrack_use", "conntrack", {}, 0.41, "ratio", bounds(0.7, 0.85), {}});
  made.sections = sections();
  made.curves = curves();
  made.names = names();
  return made;
}

Report bad_report() {
  Report made = fine_report();
  made.node = "ip-10-31-4-112.eu-central-1.compute.internal";
  made.mode.conflicts = {"both iptables backends hold KUBE-SERVICES"};
  const std::string runbooks = "https://github.com/kubecliff/kubecliff/blob/main/alerts/runbooks/";
  made.findings = {
      {.check = "restore_duration",
       .alert = "KubecliffRestoreDuration",
       .severity = Severity::critical,
       .labels = {{"command", "iptables-restore"}},
       .summary = "Updates of the rules on ip-10-31-4-112.eu-central-1.compute.internal take 31s",
       .description =
           "While one runs, no endpoint that goes is taken out, and connections are sent to it.",
       .next = "Look at which Services have the most endpoints, below, and plan the move to "
               "nftables mode.",
       .runbook = runbooks + "KubecliffRestoreDuration.md",
       .firing_since = kNow - 42min},
      {.check = "conntrack_use",
       .alert = "KubecliffConntrackUse",
       .severity = Severity::warning,
       .labels = {},
       .summary = "The connection tracking table of ip-10-31-4-112.eu-central-1.compute.internal "
                  "is 71.2% full",
       .description =
           "At 100 % the node drops new connections, of all pods and of the node itself.",
       .next = "See who opens the most connections: kubecliff report --top=10.",
       .runbook = runbooks + "KubecliffConntrackUse.md",
       .firing_since = {}},
      {.check = "conntrack_limit_per_bucket",
       .alert = "KubecliffConntrackLimitPerBucket",
       .severity = Severity::info,
       .labels = {},
       .summary = "Connection tracking may hold 9.00 entries a bucket before it is full",
       .description = "The limit is far above what the hash table was made for.",
       .next = "",
       .runbook = "javascript:alert(1)",
       .firing_since = {}}};
  made.measures[0].value = 0.712;
  made.measures[0].exceeded = Severity::warning;
  made.measures.push_back({"restore_duration",
                           "programming",
                           {{"command", "iptables-restore"}},
                           31,
                           "seconds",
                           bounds(5, 30),
                           Severity::critical});
  made.measures.push_back({"services_in_iptables",
                           "rules",
                           {},
                           5'012,
                           "Services",
                           bounds(5'000, 10'000),
                           Severity::warning});
  made.measures.push_back({"worst_case_walk",
                           "rules",
                           {{"backend", "nft"}, {"family", "ipv4"}},
                           5'031,
                           "rules",
                           {above(Severity::warning, 10'000)},
                           {}});
  made.failures = {"probe: connect 10.96.0.1:443: Connection refused",
                   "check ebpf_map_use: no such series"};
  return made;
}

Report empty_report() {
  Report made = report("node-1");
  made.mode = {};
  made.covers = 0s;
  return made;
}

Report report_without_names() {
  Report made = fine_report();
  made.names.reset();
  made.names_withheld = "Names are shown to users of web.config.file alone.";
  return made;
}

std::string hostile_text() {
  return "</title></style><script>alert('1')</script>\"onload=\"x\" <img src=//evil.example/x> "
         "\x01\x1B[31m\xFF\xC0\x80 \u202Egpj.exe\u2066";
}

Report report_of(std::string_view text) {
  const std::string any{text};
  Report made = bad_report();
  made.node = made.kernel = made.version = any;
  made.mode = {.verdict = any, .kube_proxy_mode = any, .conflicts = {any}};
  for (Finding& finding : made.findings) {
    finding.alert = finding.summary = finding.description = finding.next = any;
    finding.runbook = "https://" + any;
  }
  for (Measure& measure : made.measures) {
    measure.check = measure.group = measure.unit = any;
    measure.labels = {{any, any}};
  }
  for (Section& section : made.sections) {
    section.id = section.title = any;
    for (Fact& fact : section.facts) {
      fact.id = fact.text = fact.unit = any;
      fact.labels = {{any, any}};
    }
  }
  for (Curve& curve : made.curves) {
    curve.id = curve.title = curve.unit = any;
  }
  Names& names = *made.names;
  for (auto* services : {&names.services_by_endpoints, &names.services_by_rules,
                         &names.services_by_packets, &names.uneven_services}) {
    for (ServiceRow& row : *services) {
      row.name = row.address = row.dataplane = any;
      for (report::EndpointRow& endpoint : row.uneven) {
        endpoint.address = any;
      }
    }
  }
  for (auto* talkers : {&names.sources, &names.destinations, &names.short_lived_sources,
                        &names.short_lived_destinations}) {
    for (TalkerRow& row : *talkers) {
      row.address = row.service = any;
    }
  }
  for (StaleRow& row : names.stale_flows) {
    row.service = row.address = row.backend = any;
  }
  names.missing = made.failures = {any};
  return made;
}

Report huge_report() {
  Report made = report_of(std::string(5'000, 'W'));
  const auto repeat = [](auto& list) {
    const auto one = list;
    while (list.size() < 500) {
      list.insert(list.end(), one.begin(), one.end());
    }
  };
  repeat(made.mode.conflicts);
  repeat(made.findings);
  repeat(made.measures);
  repeat(made.sections);
  repeat(made.curves);
  repeat(made.failures);
  repeat(made.names->services_by_endpoints);
  repeat(made.names->uneven_services);
  repeat(made.names->sources);
  repeat(made.names->stale_flows);
  repeat(made.names->missing);
  made.measures.front().value = std::nan("");
  made.measures.front().bounds = bounds(std::nan(""), std::numeric_limits<double>::infinity());
  made.sections.front().facts.front().value = 1e308;
  made.curves.front().points.front().value = std::numeric_limits<double>::infinity();
  return made;
}

std::vector<NamedReport> made_up_reports() {
  return {{"fine", fine_report()},
          {"bad", bad_report()},
          {"empty", empty_report()},
          {"withheld", report_without_names()},
          {"hostile", report_of(hostile_text())},
          {"huge", huge_report()}};
}

}  // namespace kubecliff::test
