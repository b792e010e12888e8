// Report: this node on one screen: which dataplane it runs, how big that is beside its bounds, what
// it costs, what is worst and what to do about it. A plain value: make_report.h fills it in,
// text.h, markdown.h, json.h and page.h write it.
//
// Texts may come from users (names of Services) and from kube-proxy: bounded, otherwise as they
// came. Who writes them escapes them. What is not known is nothing, never 0.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exporter/alerting/alert.h"
#include "exporter/alerting/checks.h"
#include "exporter/runner/time_source.h"

namespace kubecliff::report {

struct Mode {
  std::string verdict;                 // "iptables-nft", "none"; empty: not known
  std::string kube_proxy_mode;         // as it says; the same
  std::vector<std::string> conflicts;  // by kind
};

// A check whose bound is exceeded now.
struct Finding {
  std::string check;  // "conntrack_use"
  std::string alert;  // "KubecliffConntrackUse"
  Severity severity{};
  Labels labels;        // that tell it from others of its check
  std::string summary;  // one line, filled in
  std::string description;
  std::string next;  // what to do first
  std::string runbook;
  // Since when its alert fires; nothing where it does not yet, or nobody has watched.
  std::optional<WallClock::time_point> firing_since;
};

// What a check says of this node, beside its bounds.
struct Measure {
  std::string check;
  std::string group;
  Labels labels;
  double value = 0;
  std::string unit;           // as value_text() of alerting/words.h takes it
  std::vector<Bound> bounds;  // the least severe first
  std::optional<Severity> exceeded;
};

struct Fact {
  std::string id;    // stable, for scripts: "new_flow_seconds"
  std::string text;  // "a new connection walks the rules for"
  Labels labels;
  double value = 0;
  std::string unit;
};

struct Section {
  std::string id;  // "size", "costs", "conntrack"
  std::string title;
  std::vector<Fact> facts;
};

// A figure over the last hours, oldest first.
struct Curve {
  struct Point {
    WallClock::time_point at;
    double value = 0;
  };
  std::string id;
  std::string title;
  std::string unit;
  std::vector<Point> points;
  std::vector<Bound> bounds = {};  // of the check that judges it, if one does
};

struct EndpointRow {
  std::string address;  // "10.244.1.7:8080"
  std::uint64_t packets = 0;
  double share = 0;     // of the Service's, from 0 to 1
  double expected = 0;  // the same
};

struct ServiceRow {
  std::string name;       // "namespace/name:port"; empty where nothing tells
  std::string address;    // "10.96.0.10:53/udp"
  std::string dataplane;  // "iptables-nft"
  std::uint64_t endpoints = 0;
  std::uint64_t rules = 0;
  std::optional<std::uint64_t> packets;  // that its rules have counted
  std::vector<EndpointRow> uneven = {};  // endpoints that get more or less than their share
  std::string note = {};                 // a reason for that which is no fault
};

struct TalkerRow {
  std::string address;  // a destination with its port and protocol
  std::string service;  // a destination's name, if it is one
  std::uint64_t flows = 0;
  std::uint64_t most_error = 0;  // there may be so many more
};

struct StaleRow {
  std::string service;
  std::string address;
  std::string backend;
  std::uint64_t flows = 0;
};

// What names Services and addresses: the longest lists, each cut to what was asked for.
struct Names {
  WallClock::time_point read_at = {};
  std::vector<ServiceRow> services_by_endpoints = {};
  std::vector<ServiceRow> services_by_rules = {};
  std::vector<ServiceRow> services_by_packets = {};
  std::vector<ServiceRow> uneven_services = {};
  std::uint64_t flows = 0;
  std::uint64_t short_lived_flows = 0;
  std::vector<TalkerRow> sources = {};
  std::vector<TalkerRow> destinations = {};
  std::vector<TalkerRow> short_lived_sources = {};
  std::vector<TalkerRow> short_lived_destinations = {};
  std::uint64_t stale_flows_total = 0;  // those that are not listed too
  std::vector<StaleRow> stale_flows = {};
  std::vector<std::string> missing = {};  // what could not be read or counted, and why
};

struct Report {
  std::string node = {};
  std::string kernel = {};
  std::string version = {};  // of kubecliff
  WallClock::time_point at = {};
  // Since when it is watched: seconds where collectors were asked just now, longer for a daemon.
  // Rates and trends go no further back.
  std::chrono::seconds covers{0};
  bool from_daemon = false;
  Mode mode = {};
  std::vector<Finding> findings = {};  // the worst first
  std::vector<Measure> measures = {};  // in the order of alerts/thresholds.yaml
  std::vector<Section> sections = {};
  std::vector<Curve> curves = {};          // only a daemon has them
  std::optional<Names> names = {};         // nothing: not asked for, or kept from who asks
  std::string names_withheld = {};         // why, in words
  std::vector<std::string> failures = {};  // collectors that fail, and checks that cannot be judged
};

// Whether anything was judged: a daemon that has just started has nothing to say yet.
[[nodiscard]] bool is_known(const Report& report);

// The most severe finding; nothing where there is none.
[[nodiscard]] std::optional<Severity> worst(const Report& report);

}  // namespace kubecliff::report
