// Webhook: a receiver of what Alertmanager sends to its own webhooks (version 4), so that those
// that exist can be used.
//
// All alerts of the node are one group: a message, whenever something changed, has those that fire
// and those that ended since the last one that was taken. A message that is refused is tried again
// after five minutes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "exporter/alerting/delivery/pacing.h"
#include "exporter/alerting/delivery/receiver.h"
#include "exporter/alerting/delivery/slots.h"

namespace kubecliff::delivery {

class Webhook final : public Receiver {
 public:
  static constexpr std::chrono::minutes kRefusedAgain{5};

  // `node`: the labels that all alerts carry. `seed`: each node its own.
  Webhook(Labels node, Severity least, std::uint32_t seed);

  void update(std::span<const Alert> alerts, Moment now) override;
  [[nodiscard]] std::optional<Message> next(Moment now) override;
  [[nodiscard]] Verdict answered(const Answer& answer, Moment now) override;
  [[nodiscard]] Clock::time_point due() const override;
  [[nodiscard]] std::size_t pending() const override { return slots_.pending(); }
  void forget_refusals() override { slots_.forget_refusals(); }

 private:
  Labels node_;
  Slots slots_;
  Pacing pacing_;
  Clock::time_point refused_again_ = Clock::time_point::max();
};

// The body, whose path is that of the receiver's URL.
[[nodiscard]] Json webhook_body(const Labels& node, std::span<const Alert> alerts);

}  // namespace kubecliff::delivery
