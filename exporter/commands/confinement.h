// Confinement: what the daemon can no longer do once it has started, whoever takes it over.
#pragma once

#include <span>

#include "collectors/core/collector.h"
#include "collectors/core/result.h"
#include "exporter/config/settings.h"
#include "exporter/sandbox/capabilities.h"
#include "exporter/sandbox/system_calls.h"

namespace kubecliff {

class Confinement {
 public:
  // Keeps the capabilities that the collectors which are on use, and the one for ports below 1024
  // where one is listened on; filters system calls as the settings say. To be called while there is
  // one thread; `specs` must outlive it.
  [[nodiscard]] static Result<Confinement> enter(const Settings& settings,
                                                 std::span<const CollectorSpec> specs);

  [[nodiscard]] std::span<const int> capabilities() const { return kept_.kept; }

  // Logs what of these settings takes a start, since the way back is closed.
  void tell_what_takes_a_start(const Settings& settings) const;

 private:
  Confinement(std::span<const CollectorSpec> specs, sandbox::Kept kept, sandbox::Seccomp seccomp)
      : specs_{specs}, kept_{std::move(kept)}, seccomp_{seccomp} {}

  std::span<const CollectorSpec> specs_;
  sandbox::Kept kept_;
  sandbox::Seccomp seccomp_;
};

}  // namespace kubecliff
