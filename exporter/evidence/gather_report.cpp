#include <algorithm>
#include <chrono>
#include <cstddef>
#include <expected>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

// Values of the labels that a configuration or the node gives.
std::vector<std::string> configured_names(std::string_view metrics) {
  constexpr std::string_view kDevice = "device=\"";
  Names names;
  for (const std::string_view label :
       std::initializer_list<std::string_view>{kDevice, "instance=\"", "node=\"", "query=\"",
                                               "receiver=\"", "server=\"", "target=\""}) {
    for (std::size_t at = metrics.find(label); at != std::string_view::npos;
         at = metrics.find(label, at + 1)) {
      std::string_view value = metrics.substr(at + label.size());
      const std::string name = take_label_value(value);
      label == kDevice ? learn_device(name, names) : names.add(name);
    }
  }
  return names.take();
}

Gathered gather_path(const Question& question, std::string_view path, const std::string& file) {
  Gathered gathered;
  auto answer = ask_daemon(question.url, path, kDaemonAnswersWithin);
  // Not ready, in words, is what there is to be had too.
  const bool is_words = answer && answer->status == 503;
  auto text = is_words ? Result<std::string>{std::move(answer->body)} : body_of(std::move(answer));
  if (text) {
    gathered.names = configured_names(*text);
    gathered.files.push_back({.name = file, .content = std::move(*text)});
  } else {
    gathered.missed.push_back({.name = file, .reason = text.error().message});
  }
  return gathered;
}

// What redaction has to take out, as far as it has a name here.
void add_names(const report::Report& report, Gathered& to) {
  Names words;
  words.add(report.node);
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
  gathered.names = configured_names(metrics);
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
  for (const auto& [path, file] :
       {std::pair<std::string, std::string>{question->settings.telemetry_path, "metrics.txt"},
        {"/-/ready", "daemon/ready.txt"}}) {
    sources.push_back(
        {.name = "daemon " + path, .deadline = 4s, .gather = [question, path = path, file = file] {
           return gather_path(*question, path, file);
         }});
  }
  sources.push_back({.name = "daemon's report",
                     .deadline = kDaemonReportsWithin + 1s,
                     .gather = [question] { return gather_daemon_report(*question); }});
}

}  // namespace kubecliff::evidence
