// SliceWatch: one EndpointSlice, followed by its name.
//
// It is listed and then watched from there, over one connection that is kept; where the watch ends,
// as it does every few minutes by agreement, it goes on from where it was, and where that is too
// long ago (410), it lists again. Bookmarks keep it from being too long ago. After a failure it
// waits as Backoff says. Only this one object is asked for: the right to list and watch it by its
// name is enough, and what it costs the API server does not grow with the cluster. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/core/backoff.h"
#include "collectors/core/collector.h"
#include "collectors/core/result.h"
#include "collectors/kernel/poller.h"
#include "collectors/kube/api.h"
#include "collectors/kube/endpoint_slice.h"
#include "collectors/kube/lines.h"

namespace kubecliff::kube {

class SliceWatch {
 public:
  // Whether an event came when it happened, or may have happened before the watch began.
  enum class Timing : std::uint8_t { late, live };

  struct Observer {
    std::function<void(const ReadSlice& slice, Timing timing)> on_slice;
    std::function<void()> on_absent;  // there is none, or none any more
  };

  // `poller` and `api` must outlive it, and the transfers of `api` must end with it. Begins as soon
  // as the poller is asked.
  SliceWatch(Poller& poller, Api& api, std::string slice, const Backoff& backoff,
             Observer observer);
  SliceWatch(const SliceWatch&) = delete;
  SliceWatch& operator=(const SliceWatch&) = delete;
  ~SliceWatch();

  // Why it does not follow it now; nothing where it does, or has only just begun to.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

  // How often a response was begun: lists and watches.
  [[nodiscard]] std::uint64_t requests() const { return requests_; }

 private:
  void next();
  void discover();
  void list();
  void watch();
  [[nodiscard]] bool take_line(std::string_view line);
  void watch_ended(const Result<curl::Transfers::Status>& status);
  void failed(Error error);
  [[nodiscard]] std::string path(std::string_view query) const;

  Api& api_;
  const std::string slice_;
  const Observer observer_;
  Timer timer_;
  Backoff backoff_;
  std::string version_;           // of discovery.k8s.io; empty: not known
  std::string resource_version_;  // empty: to be listed
  std::string seen_version_;      // of the last that was heard of
  curl::Transfers::Id stream_ = 0;
  std::optional<Clock::time_point> watching_since_;
  Lines lines_;
  std::optional<Error> stream_error_;
  std::string refused_;  // what an error response said
  std::optional<Error> failure_;
  std::uint64_t requests_ = 0;
};

}  // namespace kubecliff::kube
