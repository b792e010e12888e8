#include <linux/netlink.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "collectors/conntrack/flow_text.h"
#include "collectors/conntrack/reader.h"
#include "exporter/evidence/gather.h"
#include "exporter/evidence/json_lines.h"

namespace kubecliff::evidence {
namespace {

using namespace std::chrono_literals;
using namespace conntrack;

// By the names of the kernel's columns, in the order of Counter.
constexpr std::array<std::string_view, kCounters> kCounterNames{
    "found", "invalid",        "insert_failed", "drop",          "early_drop",
    "error", "search_restart", "clash_resolve", "chain_too_long"};

Json cpu_json(const CpuCounters& cpu) {
  Json json{{"cpu", cpu.cpu}};
  for (std::size_t i = 0; i < kCounters; ++i) {
    const auto& value = cpu.values[i];
    json[std::string{kCounterNames[i]}] = value ? Json(*value) : Json(nullptr);
  }
  return json;
}

Json counts_json(const FlowCounts& counts) {
  Json flows = Json::array();
  for (std::size_t protocol = 0; protocol < kProtocolNames.size(); ++protocol) {
    for (std::size_t state = 0; state < kStateNames.size(); ++state) {
      const std::uint64_t count =
          counts.count(static_cast<Protocol>(protocol), static_cast<State>(state));
      if (count > 0) {
        flows.push_back({{"protocol", kProtocolNames[protocol]},
                         {"state", kStateNames[state]},
                         {"flows", count}});
      }
    }
  }
  return flows;
}

// Every so-manieth flow: as many as wanted where the table does not grow meanwhile.
class Sample {
 public:
  Sample(std::uint64_t expected, std::size_t wanted) : step_{expected / wanted + 1} {}

  void see(const Flow& flow) {
    if (seen_++ % step_ != 0 || lines_.full()) {
      return;
    }
    const auto state = static_cast<std::size_t>(flow.flow_class.state);
    lines_.add_text(flow_text(flow.protocol, flow.original, flow.reply) + " [" +
                    std::string{kStateNames[state]} + "]" + (flow.zoned ? " zoned" : ""));
  }
  [[nodiscard]] Lines& lines() { return lines_; }
  [[nodiscard]] std::uint64_t step() const { return step_; }

 private:
  std::uint64_t step_;
  std::uint64_t seen_ = 0;
  Lines lines_{std::size_t{8} << 20U};
};

Reader open_reader(const Question& question) {
  return {question.settings.procfs, Availability{question.settings.procfs},
          netlink::kernel_transport(NETLINK_NETFILTER)};
}

// As for the collector `conntrack.flows`: each flow costs 1 to 2 us.
std::uint64_t most_flows(const Settings& settings) {
  constexpr std::uint64_t kDefault = 500'000;
  const auto options = settings.collectors.find("conntrack.flows");
  return options == settings.collectors.end()
             ? kDefault
             : static_cast<std::uint64_t>(options->second.get<std::int64_t>("conntrack.max-flows"));
}

Gathered gather_summary(const Question& question) {
  Gathered gathered;
  Reader reader = open_reader(question);
  Json summary;
  const auto miss = [&](std::string_view what, const Error& error) {
    gathered.missed.push_back({.name = "conntrack/" + std::string{what}, .reason = error.message});
  };
  std::uint64_t entries = 0;
  if (const auto size = reader.read_size()) {
    entries = size->entries;
    summary["entries"] = size->entries;
    summary["limit"] = size->limit;
  } else {
    miss("entries", size.error());
  }
  if (const auto buckets = reader.read_buckets()) {
    summary["buckets"] = *buckets;
  } else {
    miss("buckets", buckets.error());
  }
  if (const auto cpus = reader.read_counters()) {
    summary["cpus"] = Json::array();
    for (const CpuCounters& cpu : *cpus) {
      summary["cpus"].push_back(cpu_json(cpu));
    }
  } else {
    miss("counters", cpus.error());
  }

  const std::uint64_t most = most_flows(question.settings);
  Sample sample{entries, question.depth == Depth::full ? kFlowsFull : kFlows};
  const auto counts =
      entries > most
          ? Result<FlowCounts>{fail(ErrorKind::unavailable,
                                    "the table has more entries than --collector.conntrack."
                                    "max-flows=" +
                                        std::to_string(most) + ": " + std::to_string(entries))}
          : reader.count_flows([&](const Flow& flow) { sample.see(flow); });
  if (counts) {
    summary["flows"] = counts_json(*counts);
    summary["sample"] = {{"flows", sample.lines().kept()}, {"every", sample.step()}};
    gathered.files.push_back({.name = "conntrack/flows.txt", .content = sample.lines().take()});
  } else {
    miss("flows.txt", counts.error());
  }
  if (!summary.empty()) {
    gathered.files.push_back({.name = "conntrack/summary.json", .content = summary.dump(2) + "\n"});
  }
  return gathered;
}

}  // namespace

void add_conntrack_sources(const QuestionPtr& question, std::vector<Source>& sources) {
  sources.push_back({.name = "conntrack", .deadline = 5s, .gather = [question] {
                       return gather_summary(*question);
                     }});
}

}  // namespace kubecliff::evidence
