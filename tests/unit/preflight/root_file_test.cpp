#include "exporter/preflight/root_file.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/file_tree.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::preflight {
namespace {

using test::fails_with;
using test::FileTree;
using test::has_value;
using testing::HasSubstr;

class RootFileTest : public testing::Test {
 protected:
  RootFileTest() {
    outside_.file("secret", "host's own");
    root_.file("var/lib/kube-proxy/..data/config.conf", "mode: ipvs\n").directory("usr/sbin");
    link("..data/config.conf", "var/lib/kube-proxy/config.conf");
  }
  void link(const std::filesystem::path& to, const std::filesystem::path& name) {
    std::filesystem::create_symlink(to, root_.path() / name);
  }
  Result<std::string> read(const std::filesystem::path& path, std::size_t limit = 100) {
    return read_below(root_.path(), path, limit);
  }

  FileTree root_;
  FileTree outside_;
};

// As a volume of a ConfigMap has them.
TEST_F(RootFileTest, FollowsLinksThatStayInside) {
  const auto text = read("/var/lib/kube-proxy/config.conf");
  ASSERT_THAT(text, has_value());
  EXPECT_EQ(*text, "mode: ipvs\n");

  link("/var/lib/kube-proxy/config.conf", "absolute");
  ASSERT_THAT(read("absolute"), has_value());
}

TEST_F(RootFileTest, LeavesNoWayOut) {
  link(outside_.path() / "secret", "absolute");
  link(std::filesystem::relative(outside_.path() / "secret", root_.path()), "relative");
  link(outside_.path(), "folder");
  for (const std::string& name :
       {std::string{"absolute"}, std::string{"relative"}, std::string{"folder/secret"},
        "../" + outside_.path().filename().string() + "/secret"}) {
    EXPECT_THAT(read(name), fails_with(ErrorKind::unavailable, HasSubstr(name))) << name;
  }
}

TEST_F(RootFileTest, ReadsFilesOnlyAndNeverWaits) {
  ASSERT_EQ(::mkfifo((root_.path() / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(read("fifo"), fails_with(ErrorKind::malformed, HasSubstr("not a file")));
  EXPECT_THAT(read("usr"), fails_with(ErrorKind::malformed, HasSubstr("not a file")));
}

TEST_F(RootFileTest, ReadsNoMoreThanItsLimit) {
  root_.file("ten", "0123456789");
  EXPECT_EQ(read("ten", 10).value_or(""), "0123456789");
  EXPECT_THAT(read("ten", 9), fails_with(ErrorKind::malformed, HasSubstr("longer")));
  EXPECT_THAT(read_below(root_.path() / "none", "ten", 10),
              fails_with(ErrorKind::unavailable, HasSubstr("none")));
}

TEST_F(RootFileTest, FindsProgramsWithoutStartingThem) {
  EXPECT_EQ(has_program(root_.path(), "nft").value_or(true), false);
  root_.file("usr/sbin/nft", "#!/bin/false\n");
  EXPECT_EQ(has_program(root_.path(), "nft").value_or(false), true);
  link("/etc/alternatives/ipset", "usr/sbin/ipset");
  EXPECT_EQ(has_program(root_.path(), "ipset").value_or(true), false) << "leads nowhere";
}

}  // namespace
}  // namespace kubecliff::preflight
