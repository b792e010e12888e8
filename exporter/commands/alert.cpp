#include "exporter/commands/alert.h"

#include <iostream>
#include <string>

#include "exporter/alerting/delivery/config.h"
#include "exporter/alerting/delivery/test_alert.h"
#include "exporter/alerting/rules_file.h"
#include "exporter/commands/exit_code.h"
#include "exporter/commands/node_alerts.h"
#include "exporter/commands/streams.h"
#include "exporter/config/load.h"

namespace kubecliff {
namespace {

// `kubecliff alert test`: one line for each receiver.
int test(const std::string& wanted, const Settings& settings) {
  const auto severity = parse_severity(wanted.empty() ? "info" : wanted);
  if (!severity) {
    return refuse("alert test: --severity: expected info, warning or critical, got \"" + wanted +
                  "\"; see kubecliff --help");
  }
  if (settings.alerting_config_file.empty()) {
    return refuse(
        "alert test: --alerting.config: expected a file, got nothing; see kubecliff "
        "--help");
  }
  const auto config = delivery::load_delivery_config(settings.alerting_config_file);
  if (!config) {
    return refuse(config.error().message);
  }
  const auto outcomes = delivery::send_test_alert(*config, *severity);
  if (!outcomes) {
    return refuse("alert test: " + outcomes.error().message, kExitFailure);
  }
  if (outcomes->empty()) {
    return refuse(settings.alerting_config_file.string() + ": expected a receiver, got none");
  }
  bool all_taken = true;
  for (const delivery::TestOutcome& outcome : *outcomes) {
    std::cout << outcome.receiver << ": " << (outcome.taken ? "taken" : "not taken") << " after "
              << outcome.took.count() << " ms, " << outcome.words << '\n';
    all_taken = all_taken && outcome.taken;
  }
  return all_taken ? kExitOk : kExitNotTaken;
}

}  // namespace

int run_alert(const CommandLine& line, const SettingTable& table,
              std::span<const CollectorSpec> specs) {
  const auto settings = load_settings(line, table, specs);
  if (!settings) {
    return refuse(settings.error().message);
  }
  if (line.alert.action == "rules") {
    return print("alert rules", prometheus_rules(checks_of(*settings)), kExitOk);
  }
  if (line.alert.action == "test") {
    return test(line.alert.severity, *settings);
  }
  return refuse("alert: expected rules or test, got " +
                (line.alert.action.empty() ? "nothing" : '"' + line.alert.action + '"') +
                "; see kubecliff --help");
}

}  // namespace kubecliff
