// Slots: what one receiver was told of each alert, and what it is to be told still.
//
// There is one slot for an alert, by its key, so that what waits cannot grow: an alert that ends
// before anybody was told of it leaves no trace, and one that came back needs no word. A plain
// value; time is handed in.
//
//   slots.update(alerts);            // the complete list
//   slots.begin();                   // a message with all of them is sent
//   slots.end(Verdict::taken, …);    // and was taken: nothing is pending
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "exporter/alerting/alert.h"
#include "exporter/alerting/delivery/receiver.h"

namespace kubecliff::delivery {

// What there is to be told of an alert.
enum class Phase : std::uint8_t { none, info, warning, critical, ended };

[[nodiscard]] constexpr Phase phase_of(const Alert& alert) {
  return alert.ended
             ? Phase::ended
             : static_cast<Phase>(static_cast<int>(Phase::info) + static_cast<int>(alert.severity));
}

struct Slot {
  Alert alert;
  Phase phase = Phase::none;
  Phase told = Phase::none;
  Phase refused = Phase::none;  // not to be told again
  Phase sent = Phase::none;     // in the message that is under way
  bool heard = false;           // it may have heard of it: an answer can be lost
  bool restored = false;        // and not seen since
  std::uint64_t order = 0;      // of the last change

  [[nodiscard]] bool pending() const { return phase != told; }
  [[nodiscard]] bool to_tell() const { return pending() && phase != refused; }
  [[nodiscard]] bool fires() const { return phase != Phase::none && phase != Phase::ended; }
};

class Slots {
 public:
  static constexpr std::size_t kMost = 1'000;

  // What becomes of alerts that are in the list no more, and whose end was not told.
  enum class Gone : std::uint8_t { forgotten, ended };
  using KeyOf = std::function<std::string(const Alert&)>;

  // Alerts of the same key are one, of which the most severe that fires counts.
  Slots(Gone gone, Severity least, KeyOf key_of);

  // Whether those of an earlier process that are not in the list may be there soon.
  enum class Restored : std::uint8_t { kept, gone };

  // The complete list. What is less severe than `least` is passed over.
  void update(std::span<const Alert> alerts, WallClock::time_point now,
              Restored restored = Restored::gone);
  // One of which nothing is known but that it was told, by an earlier process.
  void restore(const std::string& key, Severity told);

  // In the order of their keys.
  [[nodiscard]] const std::map<std::string, Slot>& all() const { return slots_; }
  [[nodiscard]] bool empty() const { return slots_.empty(); }
  [[nodiscard]] std::size_t pending() const;  // those above kMost among them
  [[nodiscard]] bool to_tell() const;

  // All of them, or one, are sent as they are now; then what became of that.
  void begin();
  void begin(const std::string& key);
  enum class Heard : std::uint8_t { no, maybe };
  void end(Verdict verdict, Heard heard);

  // What was refused is to be told after all.
  void forget_refusals();

 private:
  void drop_done();

  Gone gone_;
  Severity least_;
  KeyOf key_of_;
  std::map<std::string, Slot> slots_;
  std::size_t over_ = 0;
  std::uint64_t changes_ = 0;
};

// The labels in their order, each name and value ended by a byte that is in neither.
[[nodiscard]] std::string key_of_labels(const Labels& labels);

}  // namespace kubecliff::delivery
