#include "exporter/report/make_report.h"

#include <sys/utsname.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "exporter/alerting/answers.h"
#include "exporter/alerting/words.h"
#include "exporter/report/facts.h"

namespace kubecliff::report {
namespace {

const Bound* worst_exceeded(const Check& check, double value) {
  const Bound* worst = nullptr;
  for (const Bound& bound : check.bounds) {
    worst = bound.exceeded_by(value) ? &bound : worst;
  }
  return worst;
}

class Judge {
 public:
  Judge(const Watched& watched, Report& report) : watched_{watched}, report_{report} {}

  void judge(const Check& check) {
    const auto answers = answers_of(check, watched_.history, watched_.moment);
    if (!answers) {
      report_.failures.push_back("check " + answers.error().message);
      return;
    }
    for (const auto& [labels, value] : *answers) {
      const Bound* exceeded = worst_exceeded(check, value);
      if (exceeded != nullptr) {
        report_.findings.push_back(finding(check, *exceeded, labels, value));
      }
      if (check.has_threshold()) {
        report_.measures.push_back(
            {.check = check.name,
             .group = check.group,
             .labels = labels,
             .value = value,
             .unit = check.unit,
             .bounds = check.bounds,
             .exceeded = exceeded == nullptr ? std::nullopt : std::optional{exceeded->severity}});
      }
    }
  }

 private:
  [[nodiscard]] Finding finding(const Check& check, const Bound& bound, const Labels& labels,
                                double value) const {
    Labels all = labels;
    all.emplace("node", report_.node);
    return {.check = check.name,
            .alert = check.alert_name(),
            .severity = bound.severity,
            .labels = labels,
            .summary = filled_in(check.summary, check.unit, value, all),
            .description = filled_in(check.description, check.unit, value, all),
            .next = check.next,
            .runbook = watched_.checks.runbook_of(check),
            .firing_since = fires_since(check, labels)};
  }

  // Whatever its severity: a warning goes on firing while what is critical waits.
  [[nodiscard]] std::optional<WallClock::time_point> fires_since(const Check& check,
                                                                 const Labels& labels) const {
    std::optional<WallClock::time_point> earliest;
    if (watched_.alerts == nullptr) {
      return earliest;
    }
    for (const Bound& bound : check.bounds) {
      const auto since = watched_.alerts->fires_since(check.name, bound.severity, labels);
      if (since && (!earliest || *since < *earliest)) {
        earliest = since;
      }
    }
    return earliest;
  }

  const Watched& watched_;
  Report& report_;
};

}  // namespace

bool is_known(const Report& report) {
  return !report.measures.empty() || !report.findings.empty();
}

std::optional<Severity> worst(const Report& report) {
  return report.findings.empty() ? std::nullopt : std::optional{report.findings.front().severity};
}

Identity identity(std::string version) {
  Identity identity{.node = {}, .kernel = {}, .version = std::move(version)};
  utsname names{};
  if (::uname(&names) == 0) {
    identity.node = names.nodename;
    identity.kernel = names.release;
  }
  return identity;
}

Report make_report(const Identity& identity, const Watched& watched) {
  Report report{.node = identity.node,
                .kernel = identity.kernel,
                .version = identity.version,
                .at = watched.moment.wall,
                .covers = watched.covers,
                .from_daemon = watched.alerts != nullptr,
                .mode = mode_of(watched.history, watched.moment),
                .sections = sections_of(watched.history, watched.moment, watched.covers)};
  Judge judge{watched, report};
  for (const Check& check : watched.checks.all) {
    judge.judge(check);
  }
  std::ranges::stable_sort(report.findings, std::ranges::greater{}, &Finding::severity);
  return report;
}

}  // namespace kubecliff::report
