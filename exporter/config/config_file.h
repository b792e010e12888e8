// The configuration file, read into flat entries: `web: {listen-address: ":1"}` and
// `web.listen-address: ":1"` give the same one. Knows YAML and lines, not what settings there are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/core/result.h"

namespace kubecliff {

struct FileEntry {
  enum class Form : std::uint8_t { scalar, list, record, other };

  std::string key;  // dotted
  int line = 0;     // of the key, from 1; of the record itself
  Form form = Form::scalar;
  std::vector<std::string> values =
      {};  // as written; none for `other`: nothing, or a list of lists
  // Of a record: keys and values as written.
  std::vector<std::pair<std::string, std::string>> fields = {};
};

// Called for each entry in the file's order, for a list of maps once for each map; what it returns
// is an error's words, or empty.
using EntryVisitor = std::function<std::string(const FileEntry&)>;

// The error is one line, `FILE:LINE: …`: the YAML's, a key that stands twice, or the visitor's.
[[nodiscard]] Result<void> visit_config_file(const std::filesystem::path& file,
                                             const EntryVisitor& visit);

// The same for a text; `name` stands for the file.
[[nodiscard]] Result<void> visit_config_text(std::string_view text, std::string_view name,
                                             const EntryVisitor& visit);

}  // namespace kubecliff
