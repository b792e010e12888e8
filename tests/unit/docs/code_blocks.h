// Code in the pages of docs/: blocks that begin with ``` and a language and the name of a file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace kubecliff::test {

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>{file}, {}};
}

// Name to content; a name may stand for several.
inline std::multimap<std::string, std::string> code_blocks(std::string_view page,
                                                           std::string_view language) {
  const std::string begin = "\n```" + std::string{language} + " ";
  constexpr std::string_view kEnd = "\n```\n";
  std::multimap<std::string, std::string> blocks;
  for (std::size_t at = page.find(begin); at != std::string_view::npos; at = page.find(begin)) {
    page.remove_prefix(at + begin.size());
    const std::size_t name_size = page.find('\n');
    const std::size_t end = page.find(kEnd);
    if (end == std::string_view::npos) {
      ADD_FAILURE() << "a block without an end";
      return blocks;
    }
    blocks.emplace(page.substr(0, name_size), page.substr(name_size + 1, end - name_size));
    page.remove_prefix(end);
  }
  return blocks;
}

}  // namespace kubecliff::test
