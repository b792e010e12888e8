#include "tests/golden/metrics_doc.h"

#include <cstddef>
#include <string_view>
#include <vector>

#include "exporter/alerting/delivery/notifier.h"
#include "exporter/alerting/metrics.h"
#include "exporter/config/setting_table.h"
#include "exporter/runner/self_metrics.h"
#include "exporter/sandbox/capabilities.h"

namespace kubecliff::test {
namespace {

std::string_view type_name(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter:
      return "counter";
    case prometheus::MetricType::Histogram:
      return "histogram";
    default:
      return "gauge";
  }
}

std::string code(std::string_view text) {
  return "`" + std::string{text} + "`";
}

std::string family_table(std::span<const FamilySpec> families) {
  std::string text = "| metric | type | labels | most series | meaning |\n|---|---|---|---:|---|\n";
  for (const FamilySpec& family : families) {
    std::string labels;
    for (const std::string_view label : family.labels.names()) {
      labels += (labels.empty() ? "" : ", ") + code(label);
    }
    text += "| " + code(family.name) + " | " + std::string{type_name(family.type)} + " | " +
            labels + " | " + std::to_string(family.most_series()) + " | " +
            std::string{family.help} + " |\n";
  }
  return text;
}

std::string option_table(const CollectorSpec& spec, const SettingTable& settings) {
  if (spec.options.empty()) {
    return {};
  }
  std::string text = "\n| option | default | meaning |\n|---|---|---|\n";
  for (const OptionSpec& option : spec.options) {
    const Setting& setting = *find_setting(settings, "collector." + std::string{option.name});
    text += "| " + code("--" + setting.key) + " | " + setting.default_text + " | " + setting.help +
            " |\n";
  }
  return text;
}

}  // namespace

std::string metrics_doc(std::span<const CollectorSpec> specs, std::size_t in_daemon) {
  const SettingTable settings = setting_table(specs);
  std::string collectors;
  for (const CollectorSpec& spec : specs) {
    collectors += "\n## " + std::string{spec.name} + "\n\n" + std::string{spec.summary} + ". ";
    collectors += spec.enabled == Default::on ? "On by default" : "Off by default";
    // Of another command, which runs nothing else.
    collectors += spec.name == "canary" ? " in `kubecliff canary`" : "";
    collectors += spec.schedule == Schedule::in_scrape ? ", read inside the scrape"
                  : spec.schedule == Schedule::events  ? ", driven by events"
                                                       : ", read in the background";
    collectors += "; capabilities: " + code(sandbox::names(spec.capabilities)) + ".\n";
    collectors += option_table(spec, settings) + "\n" + family_table(spec.families);
  }
  return "# Metrics\n\n"
         "Generated from the collectors' specs: `UPDATE_GOLDEN=1` and the golden test write it "
         "again.\n\n"
         "Labels are classes, or names that the configuration gives, never Services, chains or "
         "addresses: no family has more series than "
         "its row says, whatever the cluster's size. Combinations that a node does not have are "
         "left out; at the defaults an ordinary node serves at most 600 series in all.\n" +
         collectors + "\n## kubecliff itself\n\n" + family_table(self_families(in_daemon)) +
         "\n## Alerts\n\n" + family_table(alerting_families()) +
         "\nOf those who are told (`--alerting.config`):\n\n" +
         family_table(delivery::Notifier::families());
}

}  // namespace kubecliff::test
