#include "exporter/runner/health.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace kubecliff {
namespace {

// A share so small that the pause would outlast a day is taken for one that asks for a day.
constexpr std::chrono::duration<double> kLongestPause = std::chrono::hours{24};

std::string words(const Error& error) {
  return error.message.empty() ? std::string{name(error.kind)} : error.message;
}

}  // namespace

std::optional<Notice> Health::refresh_ended(Refresh refresh) {
  running_since_.reset();
  last_duration_ = refresh.ended - refresh.started;
  cpu_ += refresh.cpu;
  if (!refresh.result) {
    if (schedule_ == Schedule::in_scrape) {
      snapshot_.reset();
    }
    return failed(refresh.result.error());
  }

  ++refreshes_[static_cast<std::size_t>(*refresh.result)];
  confirmed_ = refresh.ended;
  if (*refresh.result != RefreshKind::unchanged) {
    snapshot_ = std::make_shared<const Snapshot>(refresh.samples.take());
  }

  std::vector<Error> misses = refresh.samples.misses();
  if (refresh.samples.dropped() > 0) {
    misses.push_back({.kind = ErrorKind::internal,
                      .message = std::to_string(refresh.samples.dropped()) +
                                 " series more than declared were left out"});
  }
  if (misses.empty()) {
    last_success_ = refresh.wall_ended;
  }
  return fails_with(misses);
}

std::optional<Notice> Health::failed(const Error& error) {
  return fails_with(std::span{&error, 1});
}

std::optional<Notice> Health::fails_with(std::span<const Error> errors) {
  tried_ = true;
  errors_ += errors.size();
  failing_ = {};
  std::string why;
  for (const Error& error : errors) {
    failing_[static_cast<std::size_t>(error.kind)] = true;
    why += (why.empty() ? "" : "; ") + words(error);
  }
  if (why == failure_) {
    return std::nullopt;
  }
  failure_ = std::move(why);
  return Notice{failure_.empty() ? Notice::Kind::recovered : Notice::Kind::failing, failure_};
}

bool Health::hangs(Clock::time_point now) const {
  return running_since_ && now - *running_since_ > kWithdrawAfter;
}

bool Health::failing(ErrorKind reason, Clock::time_point now) const {
  return failing_[static_cast<std::size_t>(reason)] || (reason == ErrorKind::timeout && hangs(now));
}

SnapshotPtr Health::snapshot(Clock::time_point now) const {
  const bool failing = !failure_.empty() || hangs(now);
  return failing && now - confirmed_ > kWithdrawAfter ? nullptr : snapshot_;
}

bool Health::successful(Clock::time_point now) const {
  return tried_ && failure_.empty() && !hangs(now);
}

std::string Health::failure(Clock::time_point now) const {
  return failure_.empty() && hangs(now) ? "a refresh does not come back" : failure_;
}

Clock::time_point next_refresh(Clock::time_point started, Clock::time_point ended,
                               std::chrono::nanoseconds cpu, Clock::duration interval,
                               double cpu_budget) {
  const auto pause = std::min(std::chrono::duration<double>{cpu} / cpu_budget, kLongestPause);
  return std::max(started + interval, ended + std::chrono::duration_cast<Clock::duration>(pause));
}

}  // namespace kubecliff
