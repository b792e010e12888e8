// EventSocket: a netlink socket on which the kernel reports events of its own accord.
//
// Datagrams are taken in batches and without blocking; a classic BPF filter keeps out, in the
// kernel, what nobody wants to be woken for. Not thread-safe.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "collectors/core/result.h"
#include "collectors/kernel/bytes.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff {

class EventSocket {
 public:
  // `groups` is the bit mask of the multicast groups to join. Errors: unavailable where the kernel
  // has no such protocol in this network namespace, denied.
  [[nodiscard]] static Result<EventSocket> open(int protocol, std::uint32_t groups,
                                                std::span<const sock_filter> filter);

  [[nodiscard]] int descriptor() const { return fd_.get(); }
  // In place of the one before.
  [[nodiscard]] Result<void> set_filter(std::span<const sock_filter> filter) const;
  [[nodiscard]] Result<void> send(Bytes message) const;

  // A flood leaves the rest for the next call.
  static constexpr std::size_t kMostAtOnce = 16'384;

  struct Drained {
    std::size_t datagrams = 0;
    bool overrun = false;  // the kernel had more events than room for them since the last call
  };
  // Hands over what waits, about kMostAtOnce datagrams at most; those that the kernel did not send
  // are left out. The bytes are good during the call.
  [[nodiscard]] Result<Drained> drain(const std::function<void(Bytes)>& visit) const;

 private:
  explicit EventSocket(UniqueFd fd) : fd_{std::move(fd)} {}

  UniqueFd fd_;
};

}  // namespace kubecliff
