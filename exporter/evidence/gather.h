// What is asked for a bundle: the sources, each a function of its own on data of its own. They read
// the kernel, kube-proxy's ports and the daemon that the options name; none changes, loads or
// starts anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "collectors/core/collector.h"
#include "exporter/alerting/checks.h"
#include "exporter/config/settings.h"
#include "exporter/evidence/bundle.h"
#include "exporter/evidence/file.h"
#include "exporter/runner/self_metrics.h"

namespace kubecliff::evidence {

enum class Depth : std::uint8_t {
  usual,
  full,  // every rule, and twenty times as many flows
};

// Shared by all sources, whose threads may outlast whoever asked them.
struct Question {
  Settings settings;
  std::vector<CollectorSpec> specs;
  Checks checks;
  BuildInfo build;
  Depth depth = Depth::usual;
  Redaction redaction = Redaction::off;
  std::string url = {};  // of a daemon; empty: the collectors are asked
};
using QuestionPtr = std::shared_ptr<const Question>;

// Bounds of what has no bound of its own, in entries.
inline constexpr std::size_t kFlows = 1'000;
inline constexpr std::size_t kFlowsFull = 20'000;
inline constexpr std::size_t kLogLines = 500;

// In the order in which they are to be asked: the last are the first that find no room left.
[[nodiscard]] std::vector<Source> all_sources(const QuestionPtr& question);

// What the options of all this name, of a start too: errors may tell it. For redaction.
[[nodiscard]] std::vector<std::string> configured_names(const Question& question);

// Parts of the sources.
void add_kernel_sources(const QuestionPtr& question, std::vector<Source>& sources);
void add_report_sources(const QuestionPtr& question, std::vector<Source>& sources);
void add_conntrack_sources(const QuestionPtr& question, std::vector<Source>& sources);
void add_rules_sources(const QuestionPtr& question, std::vector<Source>& sources);
void add_network_sources(const QuestionPtr& question, std::vector<Source>& sources);
void add_kube_proxy_sources(const QuestionPtr& question, std::vector<Source>& sources);

}  // namespace kubecliff::evidence
