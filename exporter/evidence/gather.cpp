#include "exporter/evidence/gather.h"

namespace kubecliff::evidence {

std::vector<Source> all_sources(const QuestionPtr& question) {
  std::vector<Source> sources;
  add_kernel_sources(question, sources);
  add_report_sources(question, sources);
  add_conntrack_sources(question, sources);
  add_kube_proxy_sources(question, sources);
  add_network_sources(question, sources);
  add_rules_sources(question, sources);
  return sources;
}

}  // namespace kubecliff::evidence
