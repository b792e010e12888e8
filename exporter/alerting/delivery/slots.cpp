#include "exporter/alerting/delivery/slots.h"

#include <algorithm>
#include <set>
#include <utility>

namespace kubecliff::delivery {
namespace {

// The one of two alerts of the same key that counts.
bool counts_more(const Alert& one, const Alert& other) {
  if (one.ended.has_value() != other.ended.has_value()) {
    return !one.ended.has_value();
  }
  return one.ended ? *one.ended > *other.ended : one.severity > other.severity;
}

}  // namespace

std::string key_of_labels(const Labels& labels) {
  constexpr char kEnd = '\xFF';  // in no UTF-8
  std::string key;
  for (const auto& [name, value] : labels) {
    key.append(name).push_back(kEnd);
    key.append(value).push_back(kEnd);
  }
  return key;
}

Slots::Slots(Gone gone, Severity least, KeyOf key_of)
    : gone_{gone}, least_{least}, key_of_{std::move(key_of)} {}

void Slots::update(std::span<const Alert> alerts, WallClock::time_point now, Restored restored) {
  std::map<std::string, const Alert*> present;
  for (const Alert& alert : alerts) {
    if (alert.severity < least_) {
      continue;
    }
    const auto [known, is_new] = present.emplace(key_of_(alert), &alert);
    if (!is_new && counts_more(alert, *known->second)) {
      known->second = &alert;
    }
  }

  for (auto& [key, slot] : slots_) {
    if (present.contains(key) || (slot.restored && restored == Restored::kept)) {
      continue;
    }
    if (gone_ == Gone::forgotten) {
      slot.phase = slot.told = Phase::ended;
    } else if (slot.phase != Phase::ended) {
      slot.alert.ended = now;
      slot.phase = Phase::ended;
      slot.order = ++changes_;
    }
  }
  drop_done();
  std::erase_if(slots_, [&](const auto& known) {
    return !present.contains(known.first) && known.second.told == Phase::ended;
  });

  over_ = 0;
  for (const auto& [key, alert] : present) {
    auto known = slots_.find(key);
    if (known == slots_.end()) {
      if (alert->ended) {
        continue;  // nobody knows that it began
      }
      if (slots_.size() == kMost) {
        ++over_;
        continue;
      }
      known = slots_.emplace(key, Slot{.alert = *alert}).first;
    }
    Slot& slot = known->second;
    const Phase phase = phase_of(*alert);
    slot.alert = *alert;
    slot.restored = false;
    if (slot.phase != phase) {
      slot.phase = phase;
      slot.refused = Phase::none;
      slot.order = ++changes_;
    }
  }
  drop_done();
}

void Slots::restore(const std::string& key, Severity told) {
  const Alert alert{.severity = told, .labels = {}, .annotations = {}, .began = {}};
  slots_.insert_or_assign(key, Slot{.alert = alert,
                                    .phase = phase_of(alert),
                                    .told = phase_of(alert),
                                    .heard = true,
                                    .restored = true,
                                    .order = ++changes_});
}

// What ended before anybody can have heard of it.
void Slots::drop_done() {
  std::erase_if(slots_, [](const auto& known) {
    const Slot& slot = known.second;
    return slot.phase == Phase::ended && !slot.heard && slot.sent == Phase::none;
  });
}

std::size_t Slots::pending() const {
  return over_ + static_cast<std::size_t>(std::ranges::count_if(
                     slots_, [](const auto& known) { return known.second.pending(); }));
}

bool Slots::to_tell() const {
  return std::ranges::any_of(slots_, [](const auto& known) { return known.second.to_tell(); });
}

void Slots::begin() {
  for (auto& [key, slot] : slots_) {
    slot.sent = slot.phase;
  }
}

void Slots::begin(const std::string& key) {
  Slot& slot = slots_.at(key);
  slot.sent = slot.phase;
}

void Slots::end(Verdict verdict, Heard heard) {
  for (auto& [key, slot] : slots_) {
    const Phase sent = std::exchange(slot.sent, Phase::none);
    if (sent == Phase::none) {
      continue;
    }
    slot.heard = slot.heard || heard == Heard::maybe;
    if (verdict == Verdict::taken) {
      slot.told = sent;
    } else if (verdict == Verdict::refused) {
      slot.refused = sent;
    }
  }
  drop_done();
}

void Slots::forget_refusals() {
  for (auto& [key, slot] : slots_) {
    slot.refused = Phase::none;
  }
}

}  // namespace kubecliff::delivery
