#include "exporter/commands/web_servers.h"

#include <algorithm>
#include <string_view>
#include <thread>
#include <utility>

#include "exporter/logging/log.h"

namespace kubecliff {

Result<WebServers::Listening> WebServers::listen(
    const std::string& address, std::shared_ptr<http::WebConfigFile> web_config) const {
  auto server = http::Server::start(
      {.listen_addresses = {address},
       .web_config = std::move(web_config),
       .log = [](std::string_view line) { log_debug("client", {{"error", std::string{line}}}); }},
      handler_);
  if (!server) {
    return std::unexpected(server.error());
  }
  return Listening{address, std::move(*server)};
}

Result<void> WebServers::apply(const std::vector<std::string>& addresses,
                               const std::shared_ptr<http::WebConfigFile>& web_config) {
  const auto held = [this](const std::string& address) {
    return std::ranges::find(listening_, address, &Listening::address);
  };
  std::vector<Listening> next;
  for (const std::string& address : addresses) {
    if (held(address) == listening_.end()) {
      auto listening = listen(address, web_config);
      if (!listening) {
        return std::unexpected(listening.error());
      }
      next.push_back(std::move(*listening));
    }
  }
  for (Listening& listening : listening_) {
    if (std::ranges::find(addresses, listening.address) == addresses.end()) {
      continue;
    }
    if (web_config != web_config_) {
      if (auto replaced = replace(listening, web_config); !replaced) {
        return replaced;
      }
    }
    next.push_back(std::move(listening));
  }
  stop();
  listening_ = std::move(next);
  web_config_ = web_config;
  return {};
}

Result<void> WebServers::replace(Listening& listening,
                                 const std::shared_ptr<http::WebConfigFile>& web_config) {
  listening.server->stop();
  auto with_new = listen(listening.address, web_config);
  if (with_new) {
    listening = std::move(*with_new);
    return {};
  }
  if (auto with_old = listen(listening.address, web_config_)) {
    listening = std::move(*with_old);
  }
  return std::unexpected(with_new.error());
}

std::vector<std::string> WebServers::addresses() const {
  std::vector<std::string> addresses;
  for (const Listening& listening : listening_) {
    const std::string host = listening.address.substr(0, listening.address.rfind(':') + 1);
    addresses.push_back(host + std::to_string(listening.server->ports().front()));
  }
  return addresses;
}

void WebServers::stop() {
  // Each may take its two seconds: all at the same time.
  std::vector<std::jthread> stopping;
  for (const Listening& listening : listening_) {
    if (listening.server != nullptr) {
      stopping.emplace_back([&server = *listening.server] { server.stop(); });
    }
  }
}

}  // namespace kubecliff
