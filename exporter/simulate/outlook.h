// Outlook: where a node stands on the curves, and where it meets the bounds of the checks. Pure
// functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "exporter/alerting/checks.h"
#include "exporter/simulate/measurement.h"

namespace kubecliff::simulate {

// What is known of the node itself.
struct Present {
  std::optional<std::int64_t> services;  // ports of them, as kubecliff counts
  std::string from;                      // "as kubecliff counts iptables-nft", or why not known
  std::string mode;                      // that carries them; empty: not known
  std::optional<double> growth;          // Services a day
};

// Where a backend meets one bound.
struct Meeting {
  enum class Where : std::uint8_t {
    at,         // so many Services
    below,      // the smallest number that was measured, and its cost is over the bound already
    not_up_to,  // the largest that was measured
  };

  Backend backend = Backend::iptables_legacy;
  std::string check = {};
  Severity severity{};
  double bound = 0;
  std::string unit = {};
  Where where = Where::at;
  double services = 0;
  std::optional<double> days = {};  // from now; 0: it is met; nothing where growth or now is not
                                    // known, or in no hundred years
};

// Of the checks whose values were measured: services_in_iptables, nat_rules, worst_case_walk,
// traversal_time, traversal_over_floor, and restore_duration as one-Service updates meet it.
// Between measured numbers of Services the curve is taken for straight; what is counted and not
// timed goes on straight beyond the last. By backend, then as the checks stand.
[[nodiscard]] std::vector<Meeting> meetings(std::span<const Point> points, const Checks& checks,
                                            const Present& present);

}  // namespace kubecliff::simulate
