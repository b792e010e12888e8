// HttpProbe: requests over fresh connections, several at a time, none of which waits for another.
//
// libcurl does the work, driven by the descriptors and the timer of a Poller. Not thread-safe; the
// Poller must outlive it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/curl/multi.h"
#include "collectors/kernel/poller.h"
#include "collectors/probe/phases.h"
#include "collectors/probe/target.h"

namespace kubecliff::probe {

class HttpProbe {
 public:
  // Called from Poller::dispatch(), once for each request; it may start others.
  using Done = std::function<void(const Outcome& outcome)>;

  // Unavailable where libcurl is not installed.
  [[nodiscard]] static Result<std::unique_ptr<HttpProbe>> open(Poller& poller);

  HttpProbe(const HttpProbe&) = delete;
  HttpProbe& operator=(const HttpProbe&) = delete;
  ~HttpProbe();  // what is under way is broken off, and nobody told

  // A GET of the target's URL on that path, which it must have; of tcp:// a connection and no more.
  // A connection of its own, without proxies, redirects, and what earlier ones left in caches.
  [[nodiscard]] Result<void> start(const Target& target, Path path, Done done);

 private:
  struct Transfer;

  explicit HttpProbe(std::unique_ptr<curl::Multi> multi);

  [[nodiscard]] bool prepare(Transfer& transfer, const Target& target) const;
  void finish(Transfer* transfer, CURLcode code);
  [[nodiscard]] Moments moments(CURL* easy) const;
  [[nodiscard]] std::optional<Failure> failure(const Transfer& transfer, CURLcode code) const;

  std::unique_ptr<curl::Multi> multi_;
  std::vector<std::unique_ptr<Transfer>> transfers_;
};

}  // namespace kubecliff::probe
