// The bundle: what was gathered, bounded, redacted where that is asked for, and listed in a
// manifest with the hash of every file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "exporter/evidence/archive.h"
#include "exporter/evidence/file.h"
#include "exporter/evidence/redact.h"

namespace kubecliff::evidence {

// Of all files together, unpacked; and of one.
struct Bounds {
  std::size_t all = 0;
  std::size_t file = 0;
};
inline constexpr Bounds kUsual{.all = std::size_t{32} << 20U, .file = std::size_t{8} << 20U};
inline constexpr Bounds kFull{.all = std::size_t{256} << 20U, .file = std::size_t{96} << 20U};

enum class Redaction : std::uint8_t { off, on };

struct BundleFace {
  std::string folder;   // that all files are in
  std::string created;  // RFC 3339
  std::string node;     // empty: not known
  std::string version;  // of kubecliff
  std::vector<std::string> options = {};
  std::uint64_t time = 0;  // seconds since 1970
};

// Files that are longer than the bound end with a whole line before it; those for which no room is
// left are left out. Both stand in the manifest. The first come first. Where not all names are
// known that would have to be redacted, the reports, which may have them, are left out.
class Bundle {
 public:
  Bundle(BundleFace face, Bounds bounds, Redaction redaction);

  void add(Gathered gathered);
  // README.txt, manifest.json, and the files by name. Once.
  [[nodiscard]] Result<void> write(const Archive::Sink& sink);

  [[nodiscard]] std::size_t files() const { return files_.size(); }
  [[nodiscard]] const std::vector<Missed>& missed() const { return missed_; }

 private:
  void keep_what_fits(File file);
  void redact();
  void redact_files();
  void derive();
  void leave_out_what_may_have_names();
  [[nodiscard]] std::string manifest() const;

  BundleFace face_;
  Bounds bounds_;
  Redaction redaction_;
  Redactor redactor_;
  std::size_t bytes_ = 0;  // of all files
  std::vector<File> files_;
  std::vector<Missed> missed_;
  NamesSeen names_seen_ = NamesSeen::all;
};

// What README.txt says.
[[nodiscard]] std::string readme(const BundleFace& face, Redaction redaction);

}  // namespace kubecliff::evidence
