// Compares a text with a file of the source tree; `UPDATE_GOLDEN=1` writes the file instead.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace kubecliff::test {

// `file` is relative to the top of the source tree.
inline void expect_golden(const std::filesystem::path& file, std::string_view text) {
  const std::filesystem::path path = std::filesystem::path{KUBECLIFF_SOURCE_DIR} / file;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe): nobody sets it
    std::ofstream{path} << text;
    return;
  }
  std::ifstream in{path};
  const std::string expected{std::istreambuf_iterator{in}, {}};
  EXPECT_EQ(text, expected) << file << " differs; if it should, run this test with UPDATE_GOLDEN=1";
}

}  // namespace kubecliff::test
