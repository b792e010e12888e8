// DnsStandIn: a DNS server over UDP that answers late, not at all, or with a code. Where the kernel
// has no sch_netem, delay and loss are made here.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "collectors/kernel/unique_fd.h"

namespace kubecliff::test {

class DnsStandIn {
 public:
  struct Reply {
    int code = 0;  // of the header, 0 is NOERROR; negative: none at all
    std::chrono::milliseconds delay{};
  };
  // `type` is 1 for A, 28 for AAAA; `count` from 1 how many queries have come, this one included.
  using Decide = std::function<Reply(int type, int count)>;

  // On a free port of 127.0.0.1, in the calling thread's network namespace.
  explicit DnsStandIn(Decide decide);
  DnsStandIn(const DnsStandIn&) = delete;
  DnsStandIn& operator=(const DnsStandIn&) = delete;
  ~DnsStandIn();

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int queries() const { return queries_; }
  // Whether all queries so far came from one port.
  [[nodiscard]] bool from_one_port() const { return ports_ == 1; }

 private:
  void serve();

  Decide decide_;
  UniqueFd socket_;
  std::uint16_t port_ = 0;
  std::atomic<int> queries_ = 0;
  std::atomic<int> ports_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace kubecliff::test
