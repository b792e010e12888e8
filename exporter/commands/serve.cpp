#include "exporter/commands/serve.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "collectors/kernel/host_network.h"
#include "exporter/commands/confinement.h"
#include "exporter/commands/exit_code.h"
#include "exporter/commands/node_alerts.h"
#include "exporter/commands/node_report.h"
#include "exporter/commands/routes.h"
#include "exporter/commands/signals.h"
#include "exporter/commands/streams.h"
#include "exporter/commands/version.h"
#include "exporter/commands/web_servers.h"
#include "exporter/config/load.h"
#include "exporter/http/web_config.h"
#include "exporter/logging/log.h"
#include "exporter/runner/runner.h"

namespace kubecliff {
namespace {

// A little less than the two seconds that a stop may take.
constexpr std::chrono::milliseconds kStopWithin{1'800};

int next_signal() {
  const sigset_t signals = handled_signals();
  int signal = 0;
  sigwait(&signals, &signal);
  return signal;
}

std::optional<bool> host_network(const std::filesystem::path& procfs) {
  const auto first = in_first_network_namespace(procfs);
  return first ? std::optional{*first} : std::nullopt;
}

// A pod that only probes is right where it is.
bool belongs_on_host_network(Command command) {
  return command == Command::serve;
}

RunnerSettings runner_settings(const Settings& settings, Command command) {
  return {.collectors = settings.collectors,
          .procfs = settings.procfs,
          .cpu_budget = settings.cpu_budget,
          .host_network = [procfs = settings.procfs, command] {
            return belongs_on_host_network(command) ? host_network(procfs) : std::nullopt;
          }};
}

using WebConfigPtr = std::shared_ptr<http::WebConfigFile>;

// Null without a file.
Result<WebConfigPtr> open_web_config(const std::filesystem::path& file) {
  if (file.empty()) {
    return nullptr;
  }
  return http::WebConfigFile::open(file, [](const Error& error) {
    log_error("web configuration is wrong, the old one stays", {{"error", error.message}});
  });
}

std::string joined(const auto& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ",") + word;
  }
  return text;
}

std::string collector_names(const Settings& settings) {
  std::vector<std::string> names;
  names.reserve(settings.collectors.size());
  for (const auto& [name, options] : settings.collectors) {
    names.push_back(name);
  }
  return joined(names);
}

class Daemon {
 public:
  Daemon(const CommandLine& line, const SettingTable& table, std::span<const CollectorSpec> specs,
         const Confinement& confinement, Settings settings)
      : line_{line},
        table_{table},
        specs_{specs},
        confinement_{confinement},
        settings_{std::move(settings)},
        runner_{specs, {.build = build_info()}},
        alerts_{runner_},
        report_{runner_, alerts_, report::identity(build_info().version)},
        routes_{runner_, alerts_, report_, settings_.telemetry_path},
        servers_{[this](const http::Request& request) { return routes_.answer(request); }} {}

  Result<void> start(WebConfigPtr web_config) {
    web_config_ = std::move(web_config);
    auto alerts = alerts_.prepare(settings_);
    if (!alerts) {
      return std::unexpected(alerts.error());
    }
    alerts_.apply(std::move(*alerts));
    report_.apply(settings_);
    runner_.apply(runner_settings(settings_, line_.command));
    if (auto listening = servers_.apply(settings_.listen_addresses, web_config_); !listening) {
      return listening;
    }
    log_info("kubecliff serves", {{"version", build_info().version},
                                  {"revision", build_info().revision},
                                  {"addresses", joined(servers_.addresses())},
                                  {"collectors", collector_names(settings_)},
                                  {"capabilities", sandbox::names(confinement_.capabilities())}});
    if (belongs_on_host_network(line_.command) && host_network(settings_.procfs) == false) {
      log_warn(
          "not in the node's network namespace: what is counted is this pod's, not the "
          "node's; run with hostNetwork");
    }
    return {};
  }

  // Leaves everything as it was where something of the new configuration is wrong.
  void reload() {
    if (auto reloaded = apply_configuration(); !reloaded) {
      log_error("configuration is wrong, the old one stays", {{"error", reloaded.error().message}});
      return;
    }
    log_info("configuration read again", {{"addresses", joined(servers_.addresses())},
                                          {"collectors", collector_names(settings_)}});
    confinement_.tell_what_takes_a_start(settings_);
  }

  [[nodiscard]] Ended stop() {
    const Clock::time_point deadline = Clock::now() + kStopWithin;
    alerts_.request_stop();
    runner_.request_stop();
    servers_.stop();
    return runner_.stop(deadline);
  }

 private:
  Result<void> apply_configuration() {
    auto settings = load_settings(line_, table_, specs_);
    if (!settings) {
      return std::unexpected(settings.error());
    }
    Result<WebConfigPtr> web_config = web_config_;  // it reads its own changes
    if (settings->web_config_file != settings_.web_config_file) {
      web_config = open_web_config(settings->web_config_file);
    }
    if (!web_config) {
      return std::unexpected(web_config.error());
    }
    auto alerts = alerts_.prepare(*settings);
    if (!alerts) {
      return std::unexpected(alerts.error());
    }
    if (auto listening = servers_.apply(settings->listen_addresses, *web_config); !listening) {
      return listening;
    }
    web_config_ = std::move(*web_config);
    settings_ = std::move(*settings);
    configure_logging(settings_.log_level, settings_.log_format);
    routes_.set_telemetry_path(settings_.telemetry_path);
    alerts_.apply(std::move(*alerts));
    report_.apply(settings_);
    runner_.apply(runner_settings(settings_, line_.command));
    return {};
  }

  const CommandLine& line_;
  const SettingTable& table_;
  const std::span<const CollectorSpec> specs_;
  const Confinement& confinement_;
  Settings settings_;
  WebConfigPtr web_config_;
  Runner runner_;
  NodeAlerts alerts_;
  NodeReport report_;
  Routes routes_;
  WebServers servers_;  // the last, so that no request outlives what answers it
};

// Of a file of the configuration.
int refuse_file(const Confinement& confinement, Error error) {
  if (error.kind == ErrorKind::denied && confinement.gave_up_reading_everything()) {
    error.message +=
        "; CAP_DAC_OVERRIDE is given up at the start, so user 0 itself must be allowed to";
  }
  return refuse(error.message);
}

void stop(Daemon& daemon) {
  if (daemon.stop() == Ended::not_all) {
    (void)std::fflush(nullptr);
    std::_Exit(kExitOk);
  }
}

}  // namespace

int serve(const CommandLine& line, const SettingTable& table,
          std::span<const CollectorSpec> specs) {
  block_signals();
  // Before any file is read, and while there is one thread.
  auto confinement = Confinement::enter(specs);
  if (!confinement) {
    return refuse(confinement.error().message, kExitFailure);
  }
  auto settings = load_settings(line, table, specs);
  if (!settings) {
    return refuse_file(*confinement, settings.error());
  }
  if (const auto tightened = confinement->tighten(*settings); !tightened) {
    return refuse(tightened.error().message, kExitFailure);
  }
  auto web_config = open_web_config(settings->web_config_file);
  if (!web_config) {
    return refuse_file(*confinement, web_config.error());
  }
  configure_logging(settings->log_level, settings->log_format);

  Daemon daemon{line, table, specs, *confinement, std::move(*settings)};
  if (const auto started = daemon.start(std::move(*web_config)); !started) {
    (void)daemon.stop();
    return refuse(started.error().message, kExitFailure);
  }
  int signal = next_signal();
  while (signal == SIGHUP) {
    daemon.reload();
    signal = next_signal();
  }
  log_info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  stop(daemon);
  return kExitOk;
}

}  // namespace kubecliff
