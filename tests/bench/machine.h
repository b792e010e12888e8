// Machine: what the figures were measured on, and how much it had to do besides.
#pragma once

#include <chrono>
#include <string>

#include "tests/bench/measure.h"

namespace kubecliff::bench {

class Machine {
 public:
  Machine();

  // "2 CPUs, Linux 6.18.0; 3 % of their time went to other processes". Counted from the
  // construction: all CPU time that was used, less that of this process and of the ended ones that
  // it started.
  [[nodiscard]] std::string text() const;

 private:
  std::chrono::steady_clock::time_point start_;
  nanoseconds others_at_start_;
};

}  // namespace kubecliff::bench
