// Traffic: flows from a pod's address to Services, in the namespace where it was opened, and what
// they cost their sender. Every endpoint's port leads to sockets of its own; that a datagram came
// by way of the rules is looked at.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "collectors/core/result.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff::simulate {

struct FlowCost {
  std::chrono::nanoseconds first{0};  // send(2) of the first datagram, which finds the Service
  std::chrono::nanoseconds later{0};  // and of one after the answer
};

// One thread. Nothing is waited for longer than 3 s.
class Traffic {
 public:
  [[nodiscard]] static Result<Traffic> open();

  // One flow of UDP to the Service at this address, answered by the endpoint that was chosen.
  // Unavailable where it did not arrive at an endpoint.
  [[nodiscard]] Result<FlowCost> send_flow(const std::string& cluster_ip) const;

  // One connection of TCP to it, made, accepted and closed, from one thread.
  [[nodiscard]] Result<void> connect(const std::string& cluster_ip) const;

 private:
  Traffic(UniqueFd receiver, UniqueFd listener)
      : receiver_{std::move(receiver)}, listener_{std::move(listener)} {}

  UniqueFd receiver_;
  UniqueFd listener_;
};

}  // namespace kubecliff::simulate
