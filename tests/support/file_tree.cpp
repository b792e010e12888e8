#include "tests/support/file_tree.h"

#include <stdlib.h>
#include <zlib.h>

#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace kubecliff::test {
namespace {

namespace fs = std::filesystem;

}  // namespace

FileTree::FileTree() {
  std::string pattern = fs::temp_directory_path() / "kubecliff-test-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {
    throw std::runtime_error{"no temporary directory"};
  }
  path_ = pattern;
}

FileTree::~FileTree() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

FileTree& FileTree::file(const fs::path& name, std::string_view content) {
  directory(name.parent_path());
  std::ofstream{path_ / name, std::ios::binary} << content;
  return *this;
}

FileTree& FileTree::gzipped_file(const fs::path& name, std::string_view content) {
  directory(name.parent_path());
  gzFile file = gzopen((path_ / name).c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  return *this;
}

FileTree& FileTree::directory(const fs::path& name) {
  fs::create_directories(path_ / name);
  return *this;
}

FileTree& FileTree::remove(const fs::path& name) {
  fs::remove_all(path_ / name);
  return *this;
}

}  // namespace kubecliff::test
