#include "exporter/evidence/gather.h"

#include <span>
#include <variant>

#include "exporter/evidence/json_lines.h"

namespace kubecliff::evidence {
namespace {

void add_texts(std::span<const OptionSpec> specs, const Options& options, Names& names) {
  for (const OptionSpec& spec : specs) {
    if (const auto* usual = std::get_if<std::string>(&spec.default_value)) {
      if (const auto& text = options.get<std::string>(spec.name); text != *usual) {
        names.add_parts(text);
      }
    } else if (spec.record != nullptr) {
      for (const Options& record : options.get<Records>(spec.name)) {
        add_texts(spec.record->fields, record, names);
      }
    }
  }
}

}  // namespace

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

std::vector<std::string> configured_names(const Question& question) {
  Names names;
  names.add_parts(question.url);
  names.add_parts(question.settings.telemetry_path);
  names.add_parts(question.settings.runbooks);
  for (const CollectorSpec& spec : question.specs) {
    if (const auto options = question.settings.collectors.find(spec.name);
        options != question.settings.collectors.end()) {
      add_texts(spec.options, options->second, names);
    }
  }
  return names.take();
}

}  // namespace kubecliff::evidence
