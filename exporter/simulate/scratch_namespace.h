// ScratchNamespace: a network of its own, in which every pod, Service and NodePort address of
// services.h is this machine's, so that a connection to a Service ends at a socket of ours. The
// host's network, its rules among them, is not touched.
#pragma once

#include <utility>

#include "collectors/core/result.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff::simulate {

// The main thread, and what it starts, are in it until this object is destroyed, which must happen
// on the same thread; /proc/net is the main thread's. It has no name: the kernel takes it away with
// its last process and socket, however those end.
class ScratchNamespace {
 public:
  // Denied without CAP_SYS_ADMIN.
  [[nodiscard]] static Result<ScratchNamespace> enter();

  ScratchNamespace(ScratchNamespace&&) noexcept = default;
  ScratchNamespace& operator=(ScratchNamespace&&) = delete;
  ~ScratchNamespace();

 private:
  explicit ScratchNamespace(UniqueFd previous) : previous_{std::move(previous)} {}

  UniqueFd previous_;
};

}  // namespace kubecliff::simulate
