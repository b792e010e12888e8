// Server: HTTP/1.1 and HTTPS for scrapers and people: GET and HEAD, answers from memory, no files.
//
// civetweb gives each connection a thread of its own for as long as it is open, so:
//  - there are `max_connections` threads (100 KiB of stack each, touched as far as used);
//  - at most three quarters of them are held by connections kept alive between requests; a
//  connection
//    beyond that gets its answer with `Connection: close`. Idle clients, however many, thus never
//    take the last quarter;
//  - a client that has not sent its request `header_timeout` after it connected is closed. A
//  scraper
//    that is connected keeps its thread whatever others do; one that connects anew waits at most
//    for the slow clients ahead of it to time out, and for none while fewer are connected than
//    there are threads.
// Request bodies are not read: a request that has one is answered and its connection closed. A
// request head above 16 KiB or 64 headers is refused and its connection closed.
//
// Threads: start and stop from one thread; the rest from any.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "exporter/http/message.h"
#include "exporter/http/web_config.h"

namespace kubecliff::http {

struct ServerSettings {
  // As Prometheus' exporters take them: ":9909", "127.0.0.1:9909", "[::1]:9909", "localhost:0".
  // IPv6 needs a civetweb that was built with it, which Debian's is not: there ":9909" is IPv4
  // only.
  std::vector<std::string> listen_addresses = {":9909"};
  // TLS, users, headers and rate limit; none where null.
  std::shared_ptr<WebConfigFile> web_config = nullptr;
  // Gets a line for each client that went wrong below HTTP (a failed handshake, mostly): debugging
  // only, for any scanner can cause them. From server threads; may be empty.
  std::function<void(std::string_view)> log = {};
  std::chrono::milliseconds header_timeout{5'000};
  // Prometheus keeps its connections open between scrapes, at intervals of up to two minutes.
  std::chrono::milliseconds idle_timeout{150'000};
  unsigned max_connections = 64;
};

class Server {
 public:
  // Listens on every address, or fails with the address and the reason.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(ServerSettings settings,
                                                             Handler handler);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // The port of each address, in the order of the settings: what port 0 became.
  [[nodiscard]] const std::vector<std::uint16_t>& ports() const;

  // Answers the requests under way, closes every connection and returns within two seconds. A
  // second call does nothing.
  void stop();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace kubecliff::http
