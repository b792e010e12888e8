// Collectors whose refresh is whatever a test wants it to be: slow, stuck, throwing, failing.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

#include "collectors/core/collector.h"

namespace kubecliff::test {

using RefreshFunction = std::function<Result<RefreshKind>(Clock::time_point, Samples&)>;

class FakeCollector final : public Collector {
 public:
  explicit FakeCollector(RefreshFunction refresh) : refresh_{std::move(refresh)} {}

  Result<RefreshKind> refresh(Clock::time_point now, Samples& out) override {
    return refresh_(now, out);
  }

 private:
  RefreshFunction refresh_;
};

inline CollectorSpec fake_spec(std::string_view name, Schedule schedule, RefreshFunction refresh) {
  return {.name = name,
          .summary = "a collector of a test",
          .schedule = schedule,
          .interval = Duration{1},
          .families = {},
          .options = {},
          .make = [refresh = std::move(refresh)](
                      const CollectorContext&) -> Result<std::unique_ptr<Collector>> {
            return std::make_unique<FakeCollector>(refresh);
          }};
}

// Holds threads up until it is opened.
class Gate {
 public:
  void open() { opening_.set_value(); }
  void pass() const { opened_.wait(); }

 private:
  std::promise<void> opening_;
  std::shared_future<void> opened_ = opening_.get_future().share();
};

// For what another thread does in its own time: asks again until it holds, at most ten seconds.
inline bool eventually(const std::function<bool()>& holds) {
  const auto deadline = Clock::now() + std::chrono::seconds{10};
  while (!holds()) {
    if (Clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

}  // namespace kubecliff::test
