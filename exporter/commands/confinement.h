// Confinement: what the daemon can no longer do, whoever takes it over. In two steps, since what it
// needs is in files that are not to be read with more.
#pragma once

#include <span>
#include <utility>

#include "collectors/core/collector.h"
#include "collectors/core/result.h"
#include "exporter/config/settings.h"
#include "exporter/sandbox/capabilities.h"
#include "exporter/sandbox/system_calls.h"

namespace kubecliff {

class Confinement {
 public:
  // Keeps the capabilities that any of the collectors uses, and the one for ports below 1024. To be
  // called while there is one thread; `specs` must outlive it.
  [[nodiscard]] static Result<Confinement> enter(std::span<const CollectorSpec> specs);

  // Of those, keeps what the collectors which are on use, and the port's where one is listened on;
  // filters system calls as the settings say. Once, and while there is one thread.
  [[nodiscard]] Result<void> tighten(const Settings& settings);

  [[nodiscard]] std::span<const int> capabilities() const { return kept_.kept; }

  // Whether user 0 could have read what it now may not.
  [[nodiscard]] bool gave_up_reading_everything() const { return gave_up_reading_everything_; }

  // Logs what of these settings takes a start, since the way back is closed.
  void tell_what_takes_a_start(const Settings& settings) const;

 private:
  Confinement(std::span<const CollectorSpec> specs, sandbox::Kept kept);

  std::span<const CollectorSpec> specs_;
  bool gave_up_reading_everything_;
  sandbox::Kept kept_;
  sandbox::Seccomp seccomp_ = sandbox::Seccomp::off;
};

}  // namespace kubecliff
