// EventedCollector: a collector that has events, driven as its worker drives it, by the real clock.
//
//   EventedCollector served{propagation::spec(), "kubecliff_propagation_", {{…, …}}};
//   EXPECT_TRUE(served.run_until(10s, [&] { return served.at("seconds_count{ipv4}") == 1; }));
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/collector.h"
#include "tests/support/figures.h"

namespace kubecliff::test {

class EventedCollector {
 public:
  // `options` in place of the defaults, by name. Throws where it cannot be made.
  EventedCollector(const CollectorSpec& spec, std::string_view prefix,
                   const std::map<std::string, OptionValue>& options);

  // Takes in what happens, and looks at the figures every few milliseconds.
  void run_for(std::chrono::milliseconds time);
  // False where that did not come to be true.
  [[nodiscard]] bool run_until(std::chrono::milliseconds limit,
                               const std::function<bool()>& condition);

  // As of now; -1 for what is not served.
  [[nodiscard]] double at(const std::string& figure);
  [[nodiscard]] const Figures& figures();
  // Why it is not successful; empty where it is.
  [[nodiscard]] std::string why();
  // How often it was called for events.
  [[nodiscard]] std::uint64_t calls() const { return calls_; }

 private:
  void refresh();

  std::unique_ptr<Collector> collector_;
  std::string prefix_;
  Figures figures_;
  std::vector<Error> misses_;
  std::uint64_t calls_ = 0;
};

}  // namespace kubecliff::test
