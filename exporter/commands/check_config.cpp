#include "exporter/commands/check_config.h"

#include "exporter/alerting/delivery/config.h"
#include "exporter/config/load.h"
#include "exporter/http/web_config.h"

namespace kubecliff {

Result<void> check_config(const CommandLine& line, const SettingTable& table,
                          std::span<const CollectorSpec> specs) {
  const auto settings = load_settings(line, table, specs);
  if (!settings) {
    return std::unexpected(settings.error());
  }
  if (!settings->web_config_file.empty()) {
    const auto web_config = http::WebConfigFile::open(settings->web_config_file);
    if (!web_config) {
      return std::unexpected(web_config.error());
    }
  }
  if (!settings->alerting_config_file.empty()) {
    const auto alerting = delivery::load_delivery_config(settings->alerting_config_file);
    if (!alerting) {
      return std::unexpected(alerting.error());
    }
  }
  return {};
}

}  // namespace kubecliff
