// What tests of `kubecliff evidence` share: a bundle, and the node that it is of.
#pragma once

#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/program/program.h"
#include "tests/support/file_tree.h"
#include "tests/support/must.h"
#include "tests/support/network_namespace.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {

// A bundle that was written, and unpacked by tar.
class Bundle {
 public:
  explicit Bundle(std::vector<std::string> arguments = {}, std::vector<std::string> before = {}) {
    // Others than user 0 write into it too.
    std::filesystem::permissions(folder_.path(), std::filesystem::perms::all);
    const std::string archive = folder_.path() / "bundle.tar.gz";
    before.insert(before.end(), {Program::path(), "evidence", "--output-file=" + archive});
    before.insert(before.end(), arguments.begin(), arguments.end());
    run_ = must(run_tool(before, {}, std::chrono::seconds{60}));
    EXPECT_EQ(run_.exit_status, 0) << run_.err;
    folder_.directory("unpacked");
    must_run({"tar", "-xzf", archive, "-C", (folder_.path() / "unpacked").native()});
    for (const auto& entry : std::filesystem::directory_iterator{folder_.path() / "unpacked"}) {
      root_ = entry.path();
    }
    manifest_ = nlohmann::json::parse(text("manifest.json"), nullptr, false);
    EXPECT_FALSE(manifest_.is_discarded());
  }

  [[nodiscard]] const ToolRun& run() const { return run_; }
  [[nodiscard]] std::filesystem::path archive() const { return folder_.path() / "bundle.tar.gz"; }
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  [[nodiscard]] const nlohmann::json& manifest() const { return manifest_; }
  [[nodiscard]] std::string text(std::string_view name) const {
    std::ifstream file{root_ / name};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  [[nodiscard]] nlohmann::json object(std::string_view name) const {
    return nlohmann::json::parse(text(name));
  }
  [[nodiscard]] std::vector<nlohmann::json> lines(std::string_view name) const {
    std::vector<nlohmann::json> lines;
    std::istringstream file{text(name)};
    for (std::string line; std::getline(file, line);) {
      lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
  }
  // Why it is not there; empty where nothing says so.
  [[nodiscard]] std::string missed(std::string_view name) const {
    for (const nlohmann::json& miss : manifest_["missed"]) {
      if (miss["name"].get<std::string>().starts_with(name)) {
        return miss["reason"];
      }
    }
    return {};
  }
  [[nodiscard]] std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{root_}) {
      if (entry.is_regular_file()) {
        files.push_back(entry.path());
      }
    }
    return files;
  }

 private:
  FileTree folder_;
  ToolRun run_;
  std::filesystem::path root_;
  nlohmann::json manifest_;
};

// Every text that must not be in a redacted bundle, by which it is looked for in all of it.
inline void expect_silence(const Bundle& bundle, const std::vector<std::string>& secrets) {
  for (const std::filesystem::path& path : bundle.files()) {
    const std::string name = path.lexically_relative(bundle.root().parent_path());
    std::ifstream file{path};
    const std::string content{std::istreambuf_iterator<char>{file}, {}};
    for (const std::string& secret : secrets) {
      EXPECT_FALSE(content.contains(secret)) << secret << " in " << name;
      EXPECT_FALSE(name.contains(secret)) << secret << " in " << name;
    }
  }
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream{text};
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

// A name that stands nowhere by chance.
inline constexpr std::string_view kHost = "zyxnode-7";

class Evidence : public NetworkNamespaceTest {
 protected:
  void SetUp() override {
    NetworkNamespaceTest::SetUp();
    if (!IsSkipped()) {
      ASSERT_EQ(::unshare(CLONE_NEWUTS), 0);
      ASSERT_EQ(::sethostname(kHost.data(), kHost.size()), 0);
    }
  }
};

}  // namespace kubecliff::test
