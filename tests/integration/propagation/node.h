// Node: a network namespace in which a Service's address leads to a port of this machine, as the
// rules say that the test programs, and the canary's ports, answered by a thread of their own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "collectors/canary/responder.h"
#include "collectors/core/collector.h"
#include "collectors/kernel/poller.h"
#include "tests/support/backend.h"

namespace kubecliff::test {

// What programs the way of the Service.
enum class Way : std::uint8_t { iptables_legacy, iptables_nft, nftables, ipvs };

class Node {
 public:
  static constexpr std::uint16_t kFirstPort = 10'300;
  static constexpr std::uint16_t kPorts = 4;

  // In the calling thread's network namespace, which must be the test's own.
  explicit Node(Family family = Family::ipv4);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();

  // Of the Service, with its port; and of this node, without.
  [[nodiscard]] std::string service() const;
  [[nodiscard]] std::string address() const;
  // From when on the kernel routes new connections to that port: not before the first of the two,
  // not after the second.
  struct Routed {
    Clock::time_point after;
    Clock::time_point before;
  };
  Routed route(Way way, std::uint16_t port);

  // What the canary's ports answer.
  void answer(std::uint16_t port, std::uint64_t generation);
  // Connections so far.
  [[nodiscard]] std::uint64_t accepted();

 private:
  Family family_;
  std::mutex mutex_;
  // Below guarded by `mutex_`.
  Poller poller_;
  std::unique_ptr<canary::Responder> responder_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace kubecliff::test
