#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <expected>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/alerting/checks.h"
#include "exporter/client/ask_daemon.h"
#include "exporter/evidence/device_names.h"
#include "exporter/evidence/gather.h"
#include "exporter/evidence/json_lines.h"
#include "exporter/evidence/redact_file.h"
#include "exporter/http/exposition.h"
#include "exporter/report/json.h"
#include "exporter/report/local_node.h"
#include "exporter/report/markdown.h"
#include "exporter/report/names.h"
#include "exporter/report/page.h"
#include "exporter/report/text.h"
#include "exporter/runner/snapshot.h"

namespace kubecliff::evidence {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kTop = 20;
constexpr std::chrono::milliseconds kDaemonAnswersWithin = 3s;
constexpr std::chrono::milliseconds kDaemonReportsWithin = 8s;
// A kube-proxy that takes connections and does not answer keeps its collector for 10 s, twice.
constexpr std::chrono::milliseconds kHereWithin = 30s;

// Labels whose values a configuration or the node gives.
constexpr std::array<std::string_view, 7> kNamingLabels{"device",   "instance", "node",  "query",
                                                        "receiver", "server",   "target"};

void learn_label(std::string_view label, const std::string& value, Names& names) {
  label == "device" ? learn_device(value, names) : names.add(value);
}

std::vector<std::string> names_in_metrics(std::string_view metrics) {
  Names names;
  for (const std::string_view label : kNamingLabels) {
    const std::string opening = std::string{label} + "=\"";
    for (std::size_t at = metrics.find(opening); at != std::string_view::npos;
         at = metrics.find(opening, at + 1)) {
      std::string_view value = metrics.substr(at + opening.size());
      learn_label(label, take_label_value(value), names);
    }
  }
  return names.take();
}

Gathered gather_daemon_metrics(const Question& question) {
  Gathered gathered;
  auto text =
      body_of(ask_daemon(question.url, question.settings.telemetry_path, kDaemonAnswersWithin));
  if (text) {
    gathered.names = names_in_metrics(*text);
    gathered.files.push_back({.name = "metrics.txt", .content = std::move(*text)});
  } else {
    gathered.missed.push_back({.name = "metrics.txt", .reason = text.error().message});
    gathered.names_seen = NamesSeen::not_all;
  }
  return gathered;
}

Gathered gather_daemon_readiness(const Question& question) {
  Gathered gathered;
  auto answer = ask_daemon(question.url, "/-/ready", kDaemonAnswersWithin);
  // Not ready, in words, is what there is to be had too.
  const bool is_words = answer && answer->status == 503;
  auto text = is_words ? Result<std::string>{std::move(answer->body)} : body_of(std::move(answer));
  if (text) {
    gathered.files.push_back({.name = "daemon/ready.txt", .content = std::move(*text)});
  } else {
    gathered.missed.push_back({.name = "daemon/ready.txt", .reason = text.error().message});
  }
  return gathered;
}

// What redaction has to take out, as far as it has a name here.
void add_names(const report::Report& report, Gathered& to) {
  Names words;
  words.add(report.node);
  const auto add_labels = [&words](const Labels& labels) {
    for (const std::string_view label : kNamingLabels) {
      if (const auto value = labels.find(label); value != labels.end()) {
        learn_label(label, value->second, words);
      }
    }
  };
  for (const report::Finding& finding : report.findings) {
    add_labels(finding.labels);
    if (!finding.runbook.starts_with(default_checks().runbooks)) {
      words.add_parts(finding.runbook.substr(0, finding.runbook.rfind(finding.alert)));
    }
  }
  for (const report::Measure& measure : report.measures) {
    add_labels(measure.labels);
  }
  for (const report::Section& section : report.sections) {
    for (const report::Fact& fact : section.facts) {
      add_labels(fact.labels);
    }
  }
  const report::Names names = report.names.value_or(report::Names{});
  for (const auto* list : {&names.services_by_endpoints, &names.services_by_rules,
                           &names.services_by_packets, &names.uneven_services}) {
    for (const report::ServiceRow& row : *list) {
      words.add(row.name);
    }
  }
  for (const auto* list : {&names.destinations, &names.short_lived_destinations}) {
    for (const report::TalkerRow& row : *list) {
      words.add(row.service);
    }
  }
  for (const report::StaleRow& row : names.stale_flows) {
    words.add(row.service);
  }
  std::ranges::move(words.take(), std::back_inserter(to.names));
}

// The forms that cut, escape and break names, which redaction would not find then.
Gathered other_forms(const std::string& json) {
  const auto report = report::from_json(json);
  if (!report) {
    return {.missed = {{.name = "report/", .reason = report.error().message}}};
  }
  return {.files = {{.name = "report/report.txt",
                     .content = report::to_text(*report, report::Colours::off)},
                    {.name = "report/report.md", .content = report::to_markdown(*report)},
                    {.name = "report/report.html", .content = report::page(*report).body}}};
}

void add_report(const report::Report& report, Gathered& to) {
  add_names(report, to);
  to.releases.push_back(report.kernel);
  to.files.push_back(
      {.name = "report/report.json", .content = report::to_json(report), .derive = other_forms});
}

Gathered gather_daemon_report(const Question& question) {
  Gathered gathered;
  const auto body = body_of(
      ask_daemon(question.url, "/api/v1/report?top=" + std::to_string(kTop), kDaemonReportsWithin));
  const auto report = body ? report::from_json(*body) : std::unexpected(body.error());
  if (report) {
    add_report(*report, gathered);
  } else {
    gathered.missed.push_back({.name = "report/", .reason = report.error().message});
  }
  return gathered;
}

// The collectors are asked once for both.
Gathered gather_here(const Question& question) {
  report::LocalNode node{report::identity(question.build.version), question.checks,
                         question.settings, question.specs};
  node.look();
  Gathered gathered;
  std::vector<SnapshotPtr> snapshots = node.snapshots();
  Samples own;
  add_build_info(question.build, own);
  snapshots.push_back(std::make_shared<const Snapshot>(own.take()));
  std::string metrics = http::render(http::Format::text_0_0_4, snapshots);
  gathered.names = names_in_metrics(metrics);
  gathered.files.push_back({.name = "metrics.txt", .content = std::move(metrics)});

  report::Report report = node.report();
  for (const std::string& failure : report.failures) {
    gathered.missed.push_back({.name = "metrics.txt", .reason = failure});
  }
  report.names = report::read_names(report::names_options(question.settings, kTop));
  add_report(report, gathered);
  return gathered;
}

}  // namespace

void add_report_sources(const QuestionPtr& question, std::vector<Source>& sources) {
  if (question->url.empty()) {
    sources.push_back({.name = "report and metrics", .deadline = kHereWithin, .gather = [question] {
                         return gather_here(*question);
                       }});
    return;
  }
  sources.push_back({.name = "daemon's metrics",
                     .deadline = kDaemonAnswersWithin + 1s,
                     .names = Source::Names::some,
                     .gather = [question] { return gather_daemon_metrics(*question); }});
  sources.push_back({.name = "daemon's readiness",
                     .deadline = kDaemonAnswersWithin + 1s,
                     .gather = [question] { return gather_daemon_readiness(*question); }});
  sources.push_back({.name = "daemon's report",
                     .deadline = kDaemonReportsWithin + 1s,
                     .gather = [question] { return gather_daemon_report(*question); }});
}

}  // namespace kubecliff::evidence
