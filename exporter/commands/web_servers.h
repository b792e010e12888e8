// WebServers: a server for each listen address, so that a new configuration leaves the addresses
// that stay alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collectors/core/result.h"
#include "exporter/http/message.h"
#include "exporter/http/server.h"
#include "exporter/http/web_config.h"

namespace kubecliff {

// Threads: all of it from one.
class WebServers {
 public:
  explicit WebServers(http::Handler handler) : handler_{std::move(handler)} {}

  // Listens on what is new first, then leaves what is old; on failure what was served before is
  // served on. With another `web_config` the addresses that stay are closed for an instant.
  // `addresses` holds each once.
  [[nodiscard]] Result<void> apply(const std::vector<std::string>& addresses,
                                   const std::shared_ptr<http::WebConfigFile>& web_config);

  // The addresses, with the port that a port 0 became.
  [[nodiscard]] std::vector<std::string> addresses() const;

  // Answers the requests under way; within two seconds.
  void stop();

 private:
  struct Listening {
    std::string address;
    std::unique_ptr<http::Server> server;
  };

  [[nodiscard]] Result<Listening> listen(const std::string& address,
                                         std::shared_ptr<http::WebConfigFile> web_config) const;

  // Two servers cannot hold one address: the old one leaves first, and comes back if the new one
  // fails.
  [[nodiscard]] Result<void> replace(Listening& listening,
                                     const std::shared_ptr<http::WebConfigFile>& web_config);

  http::Handler handler_;
  std::shared_ptr<http::WebConfigFile> web_config_;
  std::vector<Listening> listening_;
};

}  // namespace kubecliff
