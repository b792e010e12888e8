#include "exporter/commands/node_report.h"

#include <string_view>
#include <vector>

#include "exporter/report/top.h"

namespace kubecliff {
namespace {

constexpr std::string_view kWithheld =
    "Services and addresses are named to who is known: over the loopback device, as through "
    "kubectl port-forward, or signed in (--web.config.file).";

}  // namespace

void NodeReport::apply(const Settings& settings) {
  names_.change(report::names_options(settings, report::kMostTop));
}

report::Report NodeReport::report(http::Asker asker, std::size_t top) const {
  report::Report report = alerts_.report(identity_);
  const std::vector<std::string> remarks = runner_.readiness().remarks;
  report.failures.insert(report.failures.begin(), remarks.begin(), remarks.end());
  if (top == 0) {
    return report;
  }
  if (asker == http::Asker::known) {
    report.names = names_.get(top);
  } else {
    report.names_withheld = kWithheld;
  }
  return report;
}

}  // namespace kubecliff
