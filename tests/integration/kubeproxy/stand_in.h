// StandIn: what listens at kube-proxy's port in its place, well-behaved or not.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "collectors/kernel/unique_fd.h"
#include "tests/support/backend.h"

namespace kubecliff::test {

class StandIn {
 public:
  // Answers one request that came in on the socket, and is done with it when it returns.
  using Answer = std::function<void(const StandIn&, int socket)>;

  // On the family's loopback address, in the calling thread's network namespace; at any port that
  // is free, where none is named.
  explicit StandIn(Family family = Family::ipv4, std::uint16_t port = 0);
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;
  ~StandIn();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const {
    const std::string host = family_ == Family::ipv4 ? "127.0.0.1" : "[::1]";
    return "http://" + host + ":" + std::to_string(port_);
  }

  // To requests for that path from here on; others get a 404.
  void answer(const std::string& path, Answer answer);

  // As a Go server does: in chunks.
  [[nodiscard]] static Answer text(std::string body);
  // These bytes, then the connection ends.
  [[nodiscard]] static Answer bytes(std::string raw);
  // These bytes, then nothing any more, with the connection open.
  [[nodiscard]] static Answer stalls_after(std::string raw);
  // A response whose body is this text again and again, without an end.
  [[nodiscard]] static Answer endless(std::string text);

 private:
  void serve() const;
  void serve_one(int socket) const;

  Family family_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::thread thread_;
};

}  // namespace kubecliff::test
