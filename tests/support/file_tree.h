// FileTree: a directory of a test's own, for instance in place of /proc, gone with this object.
//
//   FileTree proc;
//   proc.file("sys/net/netfilter/nf_conntrack_max", "262144\n");
#pragma once

#include <filesystem>
#include <string_view>

namespace kubecliff::test {

class FileTree {
 public:
  FileTree();
  FileTree(const FileTree&) = delete;
  FileTree& operator=(const FileTree&) = delete;
  ~FileTree();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  // Missing directories are made.
  FileTree& file(const std::filesystem::path& name, std::string_view content);
  FileTree& gzipped_file(const std::filesystem::path& name, std::string_view content);
  FileTree& directory(const std::filesystem::path& name);
  FileTree& remove(const std::filesystem::path& name);

 private:
  std::filesystem::path path_;
};

}  // namespace kubecliff::test
