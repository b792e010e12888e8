// Archive: files as a gzip-compressed tar, piece by piece into a sink. ustar, and pax for what is
// too long for it (POSIX.1-2008, pax).
//
//   Archive archive{sink, time};
//   archive.add("folder/README.txt", text);
//   archive.finish();
//
// Not thread-safe. After an error nothing may be added.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "collectors/core/result.h"

namespace kubecliff::evidence {

// The name, made safe to unpack: relative, without `..`, of letters, digits, `.`, `_`, `-` and `/`
// alone, 200 bytes at the most. What else stands in it becomes `_`.
[[nodiscard]] std::string safe_name(std::string_view name);

class Archive {
 public:
  // An error of the sink ends the archive and is returned.
  using Sink = std::function<Result<void>(std::string_view piece)>;

  // `time`: of the files, in seconds since 1970.
  Archive(Sink sink, std::uint64_t time);
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;
  ~Archive();

  // A file of user 0 and mode 0600. The name is made safe.
  [[nodiscard]] Result<void> add(std::string_view name, std::string_view content);
  // The end of the tar and of the gzip stream.
  [[nodiscard]] Result<void> finish();

 private:
  class Compressor;

  [[nodiscard]] Result<void> add_entry(std::string_view name, char type, std::string_view content);

  std::unique_ptr<Compressor> compressor_;
  std::uint64_t time_;
};

}  // namespace kubecliff::evidence
