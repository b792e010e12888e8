// NetworkNamespace: a network of its own for measurements and tests, without the host's rules,
// flows and devices. namespaces(7), network_namespaces(7).
#pragma once

#include <utility>

#include "collectors/core/result.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff {

// The calling thread, and what it starts, are in a fresh network namespace, with lo up, until this
// object is destroyed, which must happen on the same thread. The namespace has no name: it ends
// with its last process and socket, however those end. /proc/net is that of the process's main
// thread: who reads there enters on the main thread.
class NetworkNamespace {
 public:
  // Denied without CAP_SYS_ADMIN.
  [[nodiscard]] static Result<NetworkNamespace> enter();

  NetworkNamespace(NetworkNamespace&&) noexcept = default;
  NetworkNamespace& operator=(NetworkNamespace&&) = delete;
  ~NetworkNamespace();

 private:
  explicit NetworkNamespace(UniqueFd previous) : previous_{std::move(previous)} {}

  UniqueFd previous_;
};

}  // namespace kubecliff
