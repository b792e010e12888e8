// Where a bundle goes: a new file of mode 0600, or standard output.
//
// A file is written under another name beside it and gets its own when it is whole. What has that
// name already stays as it is. Not thread-safe.
#pragma once

#include <filesystem>
#include <string_view>

#include "collectors/core/result.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff::evidence {

class OutputFile {
 public:
  // Errors: unavailable, where something of that name is there; the message names the path.
  [[nodiscard]] static Result<OutputFile> create(std::filesystem::path path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();  // takes the file away where it was not kept

  [[nodiscard]] Result<void> write(std::string_view piece);
  // On disk, and under its name.
  [[nodiscard]] Result<void> keep();

 private:
  OutputFile(UniqueFd fd, std::filesystem::path path, std::filesystem::path temporary);

  UniqueFd fd_;
  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty: kept, or moved from
};

// Into a descriptor, whole. `name` is for the error's message.
[[nodiscard]] Result<void> write_whole(int descriptor, std::string_view piece,
                                       std::string_view name);

}  // namespace kubecliff::evidence
