// PagerDuty: told event by event (Events API, version 2), for the node that no Prometheus sees.
//
// One check of a node is one incident, whatever its severity: a warning that becomes critical is
// another trigger of the same key. What ended is resolved where it was triggered, also by an
// earlier process, whose triggers are in the state file. The first event of a node that had nothing
// open waits for a share of `spread` that is the node's own, so that a thousand nodes that lose the
// same thing do not page at the same time; and there is a limit of events a minute.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "exporter/alerting/delivery/config.h"
#include "exporter/alerting/delivery/pacing.h"
#include "exporter/alerting/delivery/receiver.h"
#include "exporter/alerting/delivery/slots.h"
#include "exporter/alerting/delivery/state_file.h"

namespace kubecliff::delivery {

// Events a minute, of which as many may come at once.
class RateLimit {
 public:
  RateLimit(std::int64_t a_minute, Clock::time_point now);

  // When the next one may be sent; not later than `now` where it may be now.
  [[nodiscard]] Clock::time_point free_at(Clock::time_point now) const;
  void take(Clock::time_point now);

 private:
  [[nodiscard]] double left(Clock::time_point now) const;

  double most_;
  double left_;
  Clock::time_point at_;
};

class PagerDuty final : public Receiver {
 public:
  // What an earlier process triggered and does not fire, is resolved after that: until then a check
  // may not have looked back far enough, or not be past its bound for long enough.
  static constexpr std::chrono::minutes kTrustEarlier{75};

  // `node`: the labels that all alerts carry. `state` must outlive it. `seed`: each node its own.
  PagerDuty(const PagerDutyConfig& config, const Labels& node, StateFile& state, Moment now,
            std::uint32_t seed);

  // Whether, by the others' state, this one is needed. With PagerDutyConfig::When::always it is.
  // What was triggered is resolved in any case.
  void set_needed(bool needed) { needed_ = needed; }

  void update(std::span<const Alert> alerts, Moment now) override;
  [[nodiscard]] std::optional<Message> next(Moment now) override;
  [[nodiscard]] Verdict answered(const Answer& answer, Moment now) override;
  [[nodiscard]] Clock::time_point due() const override;
  [[nodiscard]] std::size_t pending() const override;
  void forget_refusals() override { slots_.forget_refusals(); }

 private:
  using Entry = std::pair<const std::string, Slot>;

  [[nodiscard]] bool concerns(const Slot& slot) const;
  [[nodiscard]] const Entry* next_entry() const;
  [[nodiscard]] bool anything_open() const;
  void keep() const;

  PagerDutyConfig config_;
  StateFile& state_;
  std::chrono::milliseconds share_;
  Clock::time_point began_;
  Slots slots_;
  Pacing pacing_;
  RateLimit limit_;
  bool needed_;
  // When the first event of a node that had nothing open may be sent.
  std::optional<Clock::time_point> first_at_;
  Clock::time_point due_ = Clock::time_point::min();
};

// The alert's name and a hash of its labels but the severity: the same over restarts.
[[nodiscard]] std::string dedup_key(const Alert& alert);

inline constexpr const char* kPagerDutyPath = "/v2/enqueue";

// The bodies, to which the routing key is added when they are sent.
[[nodiscard]] Json pagerduty_trigger(const Alert& alert);
[[nodiscard]] Json pagerduty_resolve(const std::string& dedup_key);

}  // namespace kubecliff::delivery
