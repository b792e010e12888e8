#include "collectors/kernel/kernel_feature.h"

#include <sys/utsname.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/file_tree.h"

namespace kubecliff {
namespace {

using test::FileTree;

// No kernel has a module of this name, so that the directory of the running one never knows it.
constexpr Feature kFeature{.module = "kubecliff_none",
                           .config = "CONFIG_KUBECLIFF",
                           .symbol = "kubecliff_init",
                           .older_config = "CONFIG_KUBECLIFF_OLD"};

bool modules_are_listed() {
  utsname names{};
  return ::uname(&names) == 0 && std::filesystem::exists(std::filesystem::path{"/lib/modules"} /
                                                         names.release / "modules.dep");
}

TEST(FindFeature, ALoadedModuleIsPresentWhateverElseSays) {
  FileTree proc;
  proc.gzipped_file("config.gz", "# CONFIG_KUBECLIFF is not set\n");
  FileTree sys;
  sys.directory("module/kubecliff_none");
  EXPECT_TRUE(module_loaded(kFeature.module, sys.path()));
  EXPECT_EQ(find_feature(kFeature, proc.path(), sys.path()), FeatureState::present);
}

// Container runtimes hide a file by an empty one in its place.
TEST(FindFeature, AnEmptyConfigurationSaysNothing) {
  FileTree proc;
  proc.file("config.gz", "");
  proc.file("modules", "");
  const FileTree sys;
  EXPECT_EQ(find_modules({&kFeature, 1}, proc.path(), sys.path()).front(),
            modules_are_listed() ? ModuleState::not_built : ModuleState::unknown);
}

TEST(FindFeature, BelievesTheConfiguration) {
  struct Case {
    std::string_view config;
    FeatureState expected;
  };
  const std::vector<Case> cases{
      {"CONFIG_A=y\nCONFIG_KUBECLIFF=y\n", FeatureState::present},
      {"CONFIG_KUBECLIFF=m\nCONFIG_A=y\n", FeatureState::not_loaded},
      {"# CONFIG_KUBECLIFF is not set\n", FeatureState::not_built},
      {"CONFIG_A=y\n", FeatureState::not_built},
      {"CONFIG_KUBECLIFF_MORE=y\n", FeatureState::not_built},
      {"CONFIG_KUBECLIFF=", FeatureState::not_built},
      {"CONFIG_KUBECLIFF_OLD=y\n", FeatureState::present},
      {"CONFIG_KUBECLIFF_OLD=y\nCONFIG_KUBECLIFF=m\n", FeatureState::not_loaded},
      {"CONFIG_KUBECLIFF_OLD=y\n# CONFIG_KUBECLIFF is not set\n", FeatureState::not_built},
  };
  for (const Case& c : cases) {
    FileTree proc;
    proc.gzipped_file("config.gz", c.config);
    const FileTree sys;
    EXPECT_EQ(find_feature(kFeature, proc.path(), sys.path()), c.expected) << c.config;
  }
}

TEST(FindFeature, KnowsASymbolWhereNothingElseTells) {
  if (modules_are_listed()) {
    GTEST_SKIP() << "this machine lists its modules, which tells already";
  }
  const FileTree sys;
  FileTree proc;
  proc.file("kallsyms",
            "0000000000000000 t __pfx_kubecliff_init\n"
            "0000000000000000 t kubecliff_init_more\n");
  EXPECT_EQ(find_feature(kFeature, proc.path(), sys.path()), FeatureState::not_built);

  proc.file("modules", "");
  EXPECT_EQ(find_feature(kFeature, proc.path(), sys.path()), FeatureState::not_loaded);

  for (const std::string_view line : {"0000000000000000 t kubecliff_init\n",
                                      "ffffffff81f44c30 T kubecliff_init\t[kubecliff_none]\n"}) {
    proc.file("kallsyms", line);
    EXPECT_EQ(find_feature(kFeature, proc.path(), sys.path()), FeatureState::present) << line;
  }
}

TEST(FindFeature, WithNothingToReadIsNeverPresent) {
  const FileTree empty;
  EXPECT_NE(find_feature(kFeature, empty.path(), empty.path()), FeatureState::present);
}

TEST(FindModules, TellsWhereEachStands) {
  FileTree sys;
  sys.file("module/kubecliff_a/initstate", "live\n");
  sys.directory("module/kubecliff_b/parameters");
  FileTree proc;
  proc.gzipped_file("config.gz", "CONFIG_C=y\nCONFIG_D=m\n# CONFIG_E is not set\n");
  const std::vector<Feature> features{
      {.module = "kubecliff_a", .config = "CONFIG_A", .symbol = "a"},
      {.module = "kubecliff_b", .config = "CONFIG_B", .symbol = "b"},
      {.module = "kubecliff_c", .config = "CONFIG_C", .symbol = "c"},
      {.module = "kubecliff_d", .config = "CONFIG_D", .symbol = "d"},
      {.module = "kubecliff_e", .config = "CONFIG_E", .symbol = "e"}};
  const ModuleState without_file =
      modules_are_listed() ? ModuleState::not_installed : ModuleState::unknown;
  EXPECT_EQ(find_modules(features, proc.path(), sys.path()),
            (std::vector{ModuleState::loaded, ModuleState::built_in, ModuleState::built_in,
                         without_file, ModuleState::not_built}));
}

TEST(FindModules, WithNothingToReadKnowsNothing) {
  if (modules_are_listed()) {
    GTEST_SKIP() << "this machine lists its modules, which tells already";
  }
  FileTree proc;
  proc.file("modules", "");
  EXPECT_EQ(find_modules(std::vector{kFeature}, proc.path(), proc.path()),
            std::vector{ModuleState::unknown});
  EXPECT_EQ(find_modules({}, proc.path(), proc.path()), std::vector<ModuleState>{});
}

}  // namespace
}  // namespace kubecliff
