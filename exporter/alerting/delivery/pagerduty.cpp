#include "exporter/alerting/delivery/pagerduty.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "exporter/alerting/delivery/text.h"

namespace kubecliff::delivery {
namespace {

using namespace std::chrono_literals;

// An event has at most 512 KB, a summary 1,024 characters, a key 255.
constexpr std::size_t kMostSummary = 1'024;
constexpr std::size_t kMostDetail = 4'096;
constexpr std::size_t kMostNameInKey = 200;

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// The first that is not blank.
std::string_view first_of(std::initializer_list<std::string_view> texts) {
  const auto* const found =
      std::ranges::find_if(texts, [](std::string_view text) { return !is_blank(text); });
  return found == texts.end() ? "unknown" : *found;
}

bool is_open(Phase told) {
  return told != Phase::none && told != Phase::ended;
}

Severity severity_of(Phase told) {
  return static_cast<Severity>(static_cast<int>(told) - static_cast<int>(Phase::info));
}

}  // namespace

RateLimit::RateLimit(std::int64_t a_minute, Clock::time_point now)
    : most_{static_cast<double>(a_minute)}, left_{most_}, at_{now} {}

double RateLimit::left(Clock::time_point now) const {
  const std::chrono::duration<double, std::ratio<60>> minutes = now - at_;
  return std::min(most_, left_ + most_ * std::max(minutes.count(), 0.0));
}

Clock::time_point RateLimit::free_at(Clock::time_point now) const {
  const double missing = 1 - left(now);
  if (missing <= 0) {
    return now;
  }
  return now + std::chrono::ceil<std::chrono::milliseconds>(
                   std::chrono::duration<double, std::ratio<60>>{missing / most_});
}

void RateLimit::take(Clock::time_point now) {
  left_ = left(now) - 1;
  at_ = now;
}

PagerDuty::PagerDuty(const PagerDutyConfig& config, const Labels& node, StateFile& state,
                     Moment now, std::uint32_t seed)
    : config_{config},
      state_{state},
      share_{fingerprint(node) % static_cast<std::uint64_t>(config.spread.count() + 1)},
      began_{now.steady},
      slots_{Slots::Gone::ended, config.severity, &dedup_key},
      pacing_{seed},
      limit_{config.rate_limit, now.steady},
      needed_{config.when == PagerDutyConfig::When::always} {
  const Json triggered = state_.section(StateFile::kPagerDuty);
  for (const auto& [key, told] : triggered.items()) {
    if (const auto severity = parse_severity(told.is_string() ? told.get<std::string>() : "")) {
      slots_.restore(key, *severity);
    }
  }
}

void PagerDuty::update(std::span<const Alert> alerts, Moment now) {
  slots_.update(
      alerts, now.wall,
      now.steady < began_ + kTrustEarlier ? Slots::Restored::kept : Slots::Restored::gone);
  due_ = Clock::time_point::min();
}

// What others take care of is not ours, but for what we began.
bool PagerDuty::concerns(const Slot& slot) const {
  return needed_ || config_.when == PagerDutyConfig::When::always || slot.heard;
}

const PagerDuty::Entry* PagerDuty::next_entry() const {
  const Entry* first = nullptr;
  for (const Entry& entry : slots_.all()) {
    const Slot& slot = entry.second;
    if (slot.to_tell() && concerns(slot) &&
        (first == nullptr || slot.order < first->second.order)) {
      first = &entry;
    }
  }
  return first;
}

bool PagerDuty::anything_open() const {
  return std::ranges::any_of(slots_.all(),
                             [](const Entry& entry) { return is_open(entry.second.told); });
}

std::optional<Message> PagerDuty::next(Moment now) {
  const Entry* const entry = next_entry();
  if (entry == nullptr) {
    first_at_.reset();
    due_ = Clock::time_point::max();
    return std::nullopt;
  }
  const auto& [key, slot] = *entry;
  due_ = std::max(pacing_.not_before(), limit_.free_at(now.steady));
  if (slot.fires() && !anything_open()) {
    first_at_ = first_at_.value_or(now.steady + share_);
    due_ = std::max(due_, *first_at_);
  }
  if (now.steady < due_) {
    return std::nullopt;
  }
  limit_.take(now.steady);
  slots_.begin(key);
  keep();  // it may be heard, and its answer may not
  return Message{.path = kPagerDutyPath,
                 .body = slot.fires() ? pagerduty_trigger(slot.alert) : pagerduty_resolve(key)};
}

Verdict PagerDuty::answered(const Answer& answer, Moment now) {
  Verdict verdict = usual_verdict(answer);
  // Only these say that the event itself is wrong.
  if (verdict == Verdict::refused && answer.status != 400 && answer.status != 413) {
    verdict = Verdict::later;
  }
  const bool may_be_heard =
      verdict == Verdict::taken || answer.status >= 500 || (answer.status == 0 && !answer.unheard);
  slots_.end(verdict, may_be_heard ? Slots::Heard::maybe : Slots::Heard::no);
  due_ = Clock::time_point::min();
  if (verdict == Verdict::later) {
    pacing_.failed(answer.retry_after, now.steady);
  } else {
    pacing_.worked();
  }
  keep();
  return verdict;
}

Clock::time_point PagerDuty::due() const {
  return due_;
}

std::size_t PagerDuty::pending() const {
  return static_cast<std::size_t>(std::ranges::count_if(slots_.all(), [this](const Entry& entry) {
    return entry.second.pending() && concerns(entry.second);
  }));
}

void PagerDuty::keep() const {
  Json open = Json::object();
  for (const auto& [key, slot] : slots_.all()) {
    if (is_open(slot.told)) {
      open[key] = name(severity_of(slot.told));
    } else if ((slot.heard || slot.sent != Phase::none) && slot.fires()) {
      open[key] = name(slot.alert.severity);
    }
  }
  state_.put(StateFile::kPagerDuty, std::move(open));
}

std::string dedup_key(const Alert& alert) {
  Labels labels = alert.labels;
  labels.erase("severity");
  return shortened(value_of(labels, "alertname"), kMostNameInKey) + '/' +
         to_hex(fingerprint(labels));
}

Json pagerduty_trigger(const Alert& alert) {
  const std::string_view alert_name = value_of(alert.labels, "alertname");
  Json details = Json::object();
  for (const auto& [label, value] : alert.labels) {
    details[label] = shortened(value, kMostDetail);
  }
  if (const std::string_view words = value_of(alert.annotations, "description"); !words.empty()) {
    details["description"] = shortened(words, kMostDetail);
  }
  Json payload{
      {"summary",
       shortened(first_of({value_of(alert.annotations, "summary"), alert_name}), kMostSummary)},
      {"source", first_of({value_of(alert.labels, "node"), value_of(alert.labels, "instance")})},
      {"severity", name(alert.severity)},
      {"timestamp", to_rfc3339(alert.began)},
      {"component", "kube-proxy"},
      {"class", alert_name},
      {"custom_details", std::move(details)}};
  if (const std::string_view cluster = value_of(alert.labels, "cluster"); !cluster.empty()) {
    payload["group"] = cluster;
  }
  Json event{{"event_action", "trigger"},
             {"dedup_key", dedup_key(alert)},
             {"client", "kubecliff"},
             {"payload", std::move(payload)}};
  if (const std::string_view runbook = value_of(alert.annotations, "runbook_url");
      !runbook.empty()) {
    event["links"] = Json::array({{{"href", runbook}, {"text", "Runbook"}}});
  }
  return event;
}

Json pagerduty_resolve(const std::string& dedup_key) {
  return {{"event_action", "resolve"}, {"dedup_key", dedup_key}};
}

}  // namespace kubecliff::delivery
