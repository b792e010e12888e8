// The configuration that we hand out is right: the sample that is installed, and every block of
// YAML in docs/configuration.md and README.md that names its file.
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/collectors.h"
#include "exporter/config/load.h"
#include "exporter/http/web_config.h"
#include "tests/support/file_tree.h"
#include "tests/support/result_matchers.h"
#include "tests/unit/docs/code_blocks.h"

namespace kubecliff {
namespace {

using test::FileTree;
using test::has_value;
using ::testing::AnyOf;
using ::testing::HasSubstr;

std::filesystem::path source() {
  return KUBECLIFF_SOURCE_DIR;
}

Result<Settings> settings_of(const std::filesystem::path& file) {
  const std::vector<CollectorSpec> specs = collector_specs();
  const SettingTable table = setting_table(specs);
  return load_settings({.command = Command::check_config, .config_file = file, .flags = {}}, table,
                       specs);
}

TEST(SampleConfiguration, HoldsEverySettingAtItsDefault) {
  const auto sample = settings_of(source() / "exporter/install/kubecliff.yml");
  ASSERT_THAT(sample, has_value());
  EXPECT_EQ(*sample, settings_of({}).value());

  const std::string text = test::text_of(source() / "exporter/install/kubecliff.yml");
  for (const Setting& setting : setting_table(collector_specs())) {
    if (setting.place == Place::flag_and_file) {
      // In a comment where there is no default.
      EXPECT_THAT(
          text, AnyOf(HasSubstr("\n" + setting.key + ": "), HasSubstr("\n#" + setting.key + ": ")));
    }
  }
}

TEST(ConfigurationInTheDocs, Loads) {
  int blocks = 0;
  for (const char* page : {"docs/alerting.md", "docs/configuration.md", "README.md"}) {
    for (const auto& [name, text] : test::code_blocks(test::text_of(source() / page), "yaml")) {
      FileTree tree;
      tree.file(name, text);
      if (name == "kubecliff.yml") {
        EXPECT_THAT(settings_of(tree.path() / name), has_value()) << page;
      } else {
        if (name == "alerting.yml") {
          continue;  // tests/unit/alerting/delivery looks into that
        }
        EXPECT_EQ(name, "web.yml") << page;
        EXPECT_THAT(http::parse_web_config(text, tree.path() / name), has_value()) << page;
      }
      ++blocks;
    }
  }
  EXPECT_EQ(blocks, 5);
}

}  // namespace
}  // namespace kubecliff
