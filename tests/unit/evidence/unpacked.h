// A tar.gz taken apart with none of the product's code: names and contents, in their order.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kubecliff::test {

struct Unpacked {
  std::vector<std::pair<std::string, std::string>> files;

  // Empty where there is none of that name, below whatever folder.
  [[nodiscard]] std::string file(std::string_view name) const;
};

// Throws std::runtime_error where it is no gzip stream, or a header's checksum is wrong.
[[nodiscard]] Unpacked unpack(std::string_view archive);

}  // namespace kubecliff::test
