// CiliumMaps: a bpffs of the test's own, with maps of the names and types that Cilium pins.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "collectors/kernel/unique_fd.h"
#include "tests/support/file_tree.h"

namespace kubecliff::test {

// The bpffs is seen by this process alone and goes with it, or with this object. Throws where
// mounting, or making a map, takes a privilege that we lack.
class CiliumMaps {
 public:
  CiliumMaps();
  CiliumMaps(const CiliumMaps&) = delete;
  CiliumMaps& operator=(const CiliumMaps&) = delete;
  ~CiliumMaps();

  [[nodiscard]] const std::filesystem::path& bpf_fs() const { return tree_.path(); }
  [[nodiscard]] std::filesystem::path pin(std::string_view name) const;

  // A hash map with that many entries.
  void add(std::string_view name, std::uint32_t entries, std::uint32_t max_entries = 65'536);
  void fill(std::string_view name, std::uint32_t entries) const;  // up to that many
  // An array, which no map of Services is.
  void add_array(std::string_view name) const;

 private:
  FileTree tree_;
};

}  // namespace kubecliff::test
