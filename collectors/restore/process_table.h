// What /proc tells about processes, for the restore collector: which tool one runs, and since when.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

#include "collectors/core/result.h"
#include "collectors/restore/file_id.h"
#include "collectors/restore/tool.h"
#include "collectors/restore/tracker.h"

namespace kubecliff::restore {

class ProcessTable {
 public:
  explicit ProcessTable(std::filesystem::path procfs) : procfs_{std::move(procfs)} {}

  enum class Look : std::uint8_t {
    gone,     // there is no such process any more
    other,    // another program
    wrapper,  // an interpreter of a script that has a tool's name
    tool,
  };
  struct Identity {
    Look look = Look::gone;
    Tool tool = {};
    std::optional<FileId> executable = {};  // takes the right to trace the process
  };
  [[nodiscard]] Identity identify(std::uint32_t pid) const;

  // When the process was forked, to a hundredth of a second.
  [[nodiscard]] std::optional<Time> start(std::uint32_t pid) const;

  // Every process that runs a tool now.
  [[nodiscard]] Result<void> scan(
      const std::function<void(std::uint32_t pid, Tool tool)>& visit) const;

 private:
  [[nodiscard]] std::filesystem::path of(std::uint32_t pid, const char* file) const;

  std::filesystem::path procfs_;
};

}  // namespace kubecliff::restore
