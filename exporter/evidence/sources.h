// Asks sources one after the other, each within its deadline.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/evidence/file.h"

namespace kubecliff::evidence {

struct Asked {
  std::vector<Gathered> gathered = {};  // in the order of the sources
  bool left_behind = false;             // a thread still waits for something: leave by _Exit
};

using Progress = std::function<void(std::string_view source, std::chrono::milliseconds took,
                                    const Gathered& gathered)>;

// One at a time: a node in trouble should not feel it. A source that does not answer in time, or
// throws, is a line in `missed`; after `all`, those left are not asked.
[[nodiscard]] Asked ask_sources(std::vector<Source> sources, std::chrono::milliseconds all,
                                const Progress& progress);

}  // namespace kubecliff::evidence
