#include "exporter/commands/node_report.h"

#include <vector>

namespace kubecliff {
namespace {

constexpr std::string_view kWithheld =
    "Services and addresses are told by name to who is known: over the loopback device, as through "
    "kubectl port-forward, or signed in (--web.config.file).";

}  // namespace

report::Report NodeReport::report(http::Asker asker, std::size_t top) const {
  report::Report report = alerts_.report(identity_);
  const std::vector<std::string> remarks = runner_.readiness().remarks;
  report.failures.insert(report.failures.begin(), remarks.begin(), remarks.end());
  if (top > 0 && asker == http::Asker::anybody) {
    report.names_withheld = kWithheld;
  }
  return report;
}

}  // namespace kubecliff
