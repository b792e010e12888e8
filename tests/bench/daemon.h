// Daemon: a server process that is measured from outside, in the caller's network namespace.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/kernel/unique_fd.h"
#include "tests/bench/http_connection.h"
#include "tests/bench/measure.h"

namespace kubecliff::bench {

struct Memory {
  std::size_t resident = 0;
  std::size_t most_resident = 0;  // since it started
};

[[nodiscard]] std::string memory_text(std::size_t bytes);

class Daemon {
 public:
  // Returns when it answers 200 to a GET of `ready_path` on `port`. The process ends with this
  // object and, however that ends, with this thread.
  Daemon(const std::vector<std::string>& argv, std::uint16_t port, std::string_view ready_path);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  // From the start of the process to the answer.
  [[nodiscard]] nanoseconds time_to_ready() const { return ready_ - started_; }
  [[nodiscard]] nanoseconds since_start() const { return Clock::now() - started_; }

  // User and system time of all its threads, to the nanosecond.
  [[nodiscard]] nanoseconds cpu() const;
  [[nodiscard]] Memory memory() const;

  // It gets no CPU until it is resumed.
  void pause() const;
  void resume() const;

  // Throws where it does not answer 200.
  [[nodiscard]] std::string metrics() const;
  [[nodiscard]] std::optional<double> metric(std::string_view series) const;
  // Asks /metrics again and again; throws where the series does not come within five minutes.
  void await_metric(std::string_view series, double at_least) const;

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] bool is_ready(std::string_view ready_path) const;
  void end();
  [[noreturn]] void fail(std::string_view what);

  UniqueFd log_;  // what it says
  std::string name_;
  pid_t pid_ = -1;
  std::uint16_t port_;
  Clock::time_point started_;
  Clock::time_point ready_;
};

// kubecliff and node_exporter on loopback, at their usual ports: a fresh namespace has them free.
class Kubecliff : public Daemon {
 public:
  explicit Kubecliff(const std::string& program, const std::vector<std::string>& options = {});

  // The first readings are done, and what they cost has been waited for: from here on the iptables
  // collector polls.
  void await_polling() const;
};

class NodeExporter : public Daemon {
 public:
  NodeExporter();
};

}  // namespace kubecliff::bench
