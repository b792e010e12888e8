#include "collectors/conntrack/availability.h"

#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/file_tree.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::conntrack {
namespace {

using test::fails_with;
using test::FileTree;
using test::has_value;
using ::testing::HasSubstr;

TEST(Availability, WhatIsMissingIsNamedWithWhatToDo) {
  struct Case {
    std::string_view config;
    const char* tracking;  // what the error says; null where there is none
    const char* ctnetlink;
  };
  const std::vector<Case> cases{
      {"CONFIG_NF_CONNTRACK=y\nCONFIG_NF_CT_NETLINK=y\n", nullptr, nullptr},
      {"CONFIG_NF_CONNTRACK=y\nCONFIG_NF_CT_NETLINK=m\n", nullptr, "modprobe nf_conntrack_netlink"},
      {"CONFIG_NF_CONNTRACK=m\nCONFIG_NF_CT_NETLINK=m\n", "nf_conntrack is not loaded",
       "modprobe nf_conntrack_netlink"},
      {"CONFIG_NF_CONNTRACK=y\n# CONFIG_NF_CT_NETLINK is not set\n", nullptr, "built without"},
      {"# CONFIG_NF_CONNTRACK is not set\n", "built without connection tracking", "built without"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.config);
    FileTree proc;
    proc.gzipped_file("config.gz", c.config);
    const FileTree sys;
    Availability availability{proc.path(), sys.path()};
    for (const auto& [result, expected] : {std::pair{availability.tracking(), c.tracking},
                                           std::pair{availability.ctnetlink(), c.ctnetlink}}) {
      if (expected == nullptr) {
        EXPECT_THAT(result, has_value());
      } else {
        EXPECT_THAT(result, fails_with(ErrorKind::unavailable, HasSubstr(expected)));
      }
    }
  }
}

TEST(Availability, AModuleThatIsLoadedLaterIsSeen) {
  FileTree proc;
  proc.gzipped_file("config.gz", "CONFIG_NF_CONNTRACK=m\nCONFIG_NF_CT_NETLINK=m\n");
  FileTree sys;
  Availability availability{proc.path(), sys.path()};
  ASSERT_FALSE(availability.tracking());

  sys.directory("module/nf_conntrack");
  EXPECT_THAT(availability.tracking(), has_value());
  EXPECT_FALSE(availability.ctnetlink());

  sys.directory("module/nf_conntrack_netlink");
  EXPECT_THAT(availability.ctnetlink(), has_value());
}

TEST(Availability, AModuleThatIsUnloadedIsNotAsked) {
  const FileTree proc;
  FileTree sys;
  sys.directory("module/nf_conntrack").directory("module/nf_conntrack_netlink");
  Availability availability{proc.path(), sys.path()};
  ASSERT_THAT(availability.ctnetlink(), has_value());

  sys.remove("module/nf_conntrack_netlink");
  EXPECT_THAT(availability.tracking(), has_value());
  EXPECT_THAT(availability.ctnetlink(), fails_with(ErrorKind::unavailable, HasSubstr("modprobe")));
}

}  // namespace
}  // namespace kubecliff::conntrack
