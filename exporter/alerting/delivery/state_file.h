// StateFile: what a restart must not forget, as a JSON object of sections, each its owner's.
//
// It is replaced as a whole, by renaming, and only its owner may read it. A file that cannot be
// read, or is something else, is taken for an empty one. Any thread may call anything.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "collectors/core/result.h"

namespace kubecliff::delivery {

class StateFile {
 public:
  static constexpr const char* kPagerDuty = "pagerduty";

  // Reads it. With an empty path nothing outlives the process.
  explicit StateFile(std::filesystem::path path);

  // An object; an empty one where there is none.
  [[nodiscard]] nlohmann::json section(const std::string& name) const;
  // Writes the file where that changes something.
  void put(const std::string& name, nlohmann::json section);

  // Why what was there is not used, or the last change is not kept; nothing where all is well.
  [[nodiscard]] std::optional<Error> problem() const;

 private:
  [[nodiscard]] Result<nlohmann::json> read() const;
  [[nodiscard]] Result<void> write() const;

  const std::filesystem::path path_;
  mutable std::mutex mutex_;
  // Guarded by `mutex_`.
  nlohmann::json content_;
  std::optional<Error> problem_;
};

}  // namespace kubecliff::delivery
