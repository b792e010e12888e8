#include "exporter/simulate/backend.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/simulate/ipvs_ruleset.h"
#include "tests/support/file_tree.h"

namespace kubecliff::simulate {
namespace {

using testing::AllOf;
using testing::HasSubstr;

void write_program(test::FileTree& tree, const std::string& name, const std::string& script) {
  tree.file(name, "#!/bin/sh\n" + script + "\n");
  std::filesystem::permissions(tree.path() / name, std::filesystem::perms::owner_all);
}

TEST(Backend, NamesAreReadBack) {
  for (const Backend backend : kBackends) {
    EXPECT_EQ(parse_backend(name(backend)), backend);
  }
  EXPECT_EQ(parse_backend("iptables"), std::nullopt);
}

TEST(FindTools, MissingOnesAreNamedWithTheirPackage) {
  const test::FileTree nothing;
  EXPECT_THAT(find_tools(Backend::iptables_legacy, nothing.path().string()).missing,
              AllOf(HasSubstr("iptables-legacy-restore"), HasSubstr("package iptables")));
  EXPECT_THAT(find_tools(Backend::nftables, nothing.path().string()).missing,
              AllOf(HasSubstr("nft "), HasSubstr("package nftables")));
  EXPECT_THAT(find_tools(Backend::ipvs, nothing.path().string()).missing,
              AllOf(HasSubstr("ipvsadm"), HasSubstr("package ipvsadm")));
}

TEST(FindTools, PlainNamesAreTakenForTheBackendThatTheyAreOf) {
  test::FileTree tree;
  write_program(tree, "iptables-restore", "echo 'iptables-restore v1.8.9 (nf_tables)'");
  write_program(tree, "iptables-save", "");
  const Found nft = find_tools(Backend::iptables_nft, tree.path().string());
  ASSERT_TRUE(nft.tools);
  EXPECT_EQ(nft.tools->writer, tree.path() / "iptables-restore");
  EXPECT_EQ(nft.tools->lister, tree.path() / "iptables-save");
  EXPECT_EQ(nft.tools->version, "iptables-restore v1.8.9 (nf_tables)");
  EXPECT_FALSE(find_tools(Backend::iptables_legacy, tree.path().string()).tools);
}

TEST(FindTools, LegacyOnesThatWouldTakeTheNodesLockAreNotTaken) {
  test::FileTree tree;
  write_program(tree, "iptables-legacy-restore", "echo 'iptables-restore v1.6.0'");
  write_program(tree, "iptables-legacy-save", "");
  EXPECT_THAT(find_tools(Backend::iptables_legacy, tree.path().string()).missing,
              HasSubstr("kept from the node's xtables.lock"));
}

TEST(FindTools, OwnNamesComeFirst) {
  test::FileTree tree;
  write_program(tree, "iptables-restore", "echo 'iptables-restore v1.8.9 (legacy)'");
  write_program(tree, "iptables-save", "");
  write_program(tree, "iptables-legacy-restore",
                "printf 'v1\\033[1m\\nmore\\n'  # XTABLES_LOCKFILE");
  write_program(tree, "iptables-legacy-save", "");
  const Found found = find_tools(Backend::iptables_legacy, tree.path().string());
  ASSERT_TRUE(found.tools);
  EXPECT_EQ(found.tools->writer, tree.path() / "iptables-legacy-restore");
  EXPECT_EQ(found.tools->version, "v1?[1m") << "one line, and nothing that moves a cursor";
}

TEST(KernelLacks, WhatCanBeLoadedIsAskedForFirst) {
  test::FileTree proc;
  proc.gzipped_file("config.gz", "CONFIG_IP_VS=m\nCONFIG_IP_VS_RR=m\n");
  const test::FileTree sys;
  const auto lacks = [&](LoadModules load) {
    return kernel_lacks(Backend::ipvs, load, proc.path(), sys.path());
  };
  // Of a release that this machine does not run, so that no list of modules is there.
  EXPECT_THAT(lacks(LoadModules::no), HasSubstr("ip_vs, ip_vs_rr"));
}

TEST(KernelLacks, NothingWhereAllIsLoaded) {
  test::FileTree sys;
  sys.directory("module/ip_vs").directory("module/ip_vs_rr");
  const test::FileTree proc;
  EXPECT_EQ(kernel_lacks(Backend::ipvs, LoadModules::no, proc.path(), sys.path()), "");
}

TEST(KernelLacks, WhatWasNotBuiltIsNamed) {
  test::FileTree proc;
  proc.gzipped_file("config.gz", "CONFIG_IP_VS=y\n# CONFIG_IP_VS_RR is not set\n");
  const test::FileTree sys;
  EXPECT_EQ(kernel_lacks(Backend::ipvs, LoadModules::yes, proc.path(), sys.path()),
            "this kernel does not have ip_vs_rr");
}

TEST(IpvsRuleset, EachServiceHasAVirtualServerAndARealOneForEachEndpoint) {
  RulesetShape shape = plain(2, 2);
  shape.udp_one_in = 2;
  IpvsRuleset ruleset{shape};
  EXPECT_EQ(ruleset.restore_input(),
            "-A -t 10.96.0.1:80 -s rr\n"
            "-a -t 10.96.0.1:80 -r 100.64.0.1:8080 -m -w 1\n"
            "-a -t 10.96.0.1:80 -r 100.64.0.2:8080 -m -w 1\n"
            "-A -u 10.96.0.2:80 -s rr\n"
            "-a -u 10.96.0.2:80 -r 100.64.1.2:8080 -m -w 1\n"
            "-a -u 10.96.0.2:80 -r 100.64.1.3:8080 -m -w 1\n");
  EXPECT_EQ(ruleset.expected(), (IpvsFigures{.virtual_servers = 2, .real_servers = 4}));
  EXPECT_THAT(ruleset.add_service(), HasSubstr("-A -t 10.96.0.3:80"));
  EXPECT_EQ(ruleset.remove_service(1), "-D -u 10.96.0.2:80\n");
  EXPECT_EQ(ruleset.expected(), (IpvsFigures{.virtual_servers = 2, .real_servers = 4}));
}

}  // namespace
}  // namespace kubecliff::simulate
