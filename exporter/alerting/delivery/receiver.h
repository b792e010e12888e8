// Receiver: who is told of alerts, as a state machine without a network: what is to be sent now,
// and what its answer means. Time is handed in. Not thread-safe.
//
//   receiver.update(alerts, now);
//   if (auto message = receiver.next(now)) { … send it …; receiver.answered(answer, now); }
//   … until receiver.due() …
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "collectors/core/collector.h"
#include "exporter/alerting/alert.h"
#include "exporter/alerting/moment.h"

namespace kubecliff::delivery {

using Json = nlohmann::json;

// A POST.
struct Message {
  std::string path;  // added to the receiver's URL
  Json body;
};

struct Answer {
  int status = 0;                      // of HTTP; 0 where there was no answer
  std::string words = {};              // the answer's first, or why there was none; no secret
  std::chrono::seconds retry_after{};  // as it asks for; none where it does not
  bool unheard = false;                // for sure: there was no connection to send it over
};

enum class Verdict : std::uint8_t {
  taken,
  refused,  // the same would be refused again
  later,    // is sent again
};

class Receiver {
 public:
  Receiver() = default;
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  virtual ~Receiver() = default;

  // The complete list of what fires, and what ended, for as long as somebody may not know.
  virtual void update(std::span<const Alert> alerts, Moment now) = 0;
  // What is to be sent now, if anything is. Then comes answered(), before the next call.
  [[nodiscard]] virtual std::optional<Message> next(Moment now) = 0;
  [[nodiscard]] virtual Verdict answered(const Answer& answer, Moment now) = 0;
  // When next() is to be asked again, where nothing changes before.
  [[nodiscard]] virtual Clock::time_point due() const = 0;
  // Alerts whose present state it has not taken, though it is meant to.
  [[nodiscard]] virtual std::size_t pending() const = 0;
  // Whoever refused may think otherwise, for instance as our credentials are new.
  virtual void forget_refusals() = 0;
};

// What an answer means to most: 2xx that it was taken, 408, 429 and 5xx that it is to be sent
// again.
[[nodiscard]] Verdict usual_verdict(const Answer& answer);

}  // namespace kubecliff::delivery
