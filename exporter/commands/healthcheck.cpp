#include "exporter/commands/healthcheck.h"

#include <chrono>
#include <iostream>
#include <optional>
#include <string>

#include "collectors/core/result.h"
#include "exporter/commands/exit_code.h"
#include "exporter/config/load.h"
#include "exporter/http/health.h"
#include "exporter/http/listen_address.h"
#include "exporter/http/web_config.h"

namespace kubecliff {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kWithin = 3s;

struct Target {
  http::ListenAddress address;
  std::optional<http::TlsConfig> tls;
};

Result<Target> target(const CommandLine& line, const SettingTable& table,
                      std::span<const CollectorSpec> specs) {
  const auto settings = load_settings(line, table, specs);
  if (!settings) {
    return std::unexpected(settings.error());
  }
  const auto address = http::parse_listen_address(settings->listen_addresses.front());
  if (!address) {
    return std::unexpected(address.error());
  }
  if (address->port == 0) {
    return fail(ErrorKind::malformed,
                "healthcheck: --web.listen-address: expected a port to ask, got 0");
  }
  if (settings->web_config_file.empty()) {
    return Target{.address = *address, .tls = {}};
  }
  const auto web_config = http::WebConfigFile::open(settings->web_config_file);
  if (!web_config) {
    return std::unexpected(web_config.error());
  }
  return Target{.address = *address, .tls = (*web_config)->current()->config.tls};
}

}  // namespace

int run_healthcheck(const CommandLine& line, const SettingTable& table,
                    std::span<const CollectorSpec> specs) {
  const auto asked = target(line, table, specs);
  if (!asked) {
    std::cerr << "kubecliff: " << asked.error().message << '\n';
    return kExitBadSettings;
  }
  if (const auto answer = http::ask_health(asked->address, asked->tls, kWithin); !answer) {
    std::cerr << "kubecliff: healthcheck: " << answer.error().message << '\n';
    return kExitUnhealthy;
  }
  std::cout << http::health_url(asked->address, asked->tls) << ": ok\n";
  return kExitOk;
}

}  // namespace kubecliff
