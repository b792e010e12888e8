// Lease: of coordination.k8s.io, by which one canary of several is the one that moves.
//
// Whether a lease has run out is told by one's own clock alone, from when one saw it change last:
// the times in it are other machines'. Every write carries the version that was read, so of two
// that take a lease at once one is refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/core/collector.h"
#include "collectors/core/result.h"

namespace kubecliff::canary {

struct Lease {
  std::string resource_version = {};  // empty: one that is to be made
  std::string holder = {};
  std::string renewed = {};   // RFC 3339, as the API server has it
  std::string acquired = {};  // the same
  std::int64_t transitions = 0;

  friend bool operator==(const Lease&, const Lease&) = default;
};

// Pure. Errors: malformed.
[[nodiscard]] Result<Lease> decode_lease(std::string_view json);
[[nodiscard]] std::string encode(const Lease& lease, std::string_view name_space,
                                 std::string_view name);
[[nodiscard]] std::string leases_path(std::string_view name_space);
[[nodiscard]] std::string rfc3339(std::chrono::system_clock::time_point time);

class Candidate {
 public:
  static constexpr std::chrono::seconds kDuration{60};
  // How often it is looked at, and renewed by who holds it.
  static constexpr std::chrono::seconds kEvery{20};

  explicit Candidate(std::string identity) : identity_{std::move(identity)} {}

  // What to write, where the lease is ours to renew or to take; nothing where another holds it.
  [[nodiscard]] std::optional<Lease> claim(const std::optional<Lease>& held, Clock::time_point now,
                                           std::string_view wall_now);
  // The API server took what claim() gave, in a request that was sent at that time.
  void claimed(Clock::time_point sent) { leads_until_ = sent + kDuration; }
  void refused() { leads_until_ = {}; }

  [[nodiscard]] bool leads(Clock::time_point now) const { return now < leads_until_; }

 private:
  std::string identity_;
  std::optional<Lease> seen_;
  Clock::time_point seen_at_;
  Clock::time_point leads_until_;
};

}  // namespace kubecliff::canary
