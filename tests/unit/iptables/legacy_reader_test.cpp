// LegacyReader where it asks the kernel nothing: what it says when there is no table.
#include "collectors/iptables/legacy_reader.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/kernel_feature.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::iptables {
namespace {

using test::fails_with;
using ::testing::HasSubstr;

constexpr Duration kFullInterval{std::chrono::minutes{10}};

MATCHER_P(is_refresh, kind, "") {
  return arg.has_value() && *arg == kind;
}

class LegacyReaderTest : public ::testing::TestWithParam<AddressFamily> {
 protected:
  LegacyReaderTest() {
    std::string pattern = ::testing::TempDir() + "procfs-XXXXXX";
    procfs_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directory(procfs_ / "net");
  }
  void TearDown() override { std::filesystem::remove_all(procfs_); }

  void write(const std::filesystem::path& path, std::string_view text) const {
    std::ofstream{procfs_ / path} << text;
  }
  [[nodiscard]] static std::string names_file() {
    return GetParam() == AddressFamily::ipv4 ? "net/ip_tables_names" : "net/ip6_tables_names";
  }
  [[nodiscard]] LegacyReader reader() const { return {GetParam(), procfs_, kFullInterval}; }

  std::filesystem::path procfs_;
};

INSTANTIATE_TEST_SUITE_P(, LegacyReaderTest, ::testing::ValuesIn(kAddressFamilies),
                         [](const auto& param) { return std::string{name(param.param)}; });

TEST_P(LegacyReaderTest, WithoutAListOfTablesTheKernelsConfigurationTellsWhy) {
  const bool ipv4 = GetParam() == AddressFamily::ipv4;
  if (module_loaded(ipv4 ? "ip_tables" : "ip6_tables")) {
    GTEST_SKIP() << "sysfs shows the module loaded here";
  }
  const std::string option = ipv4 ? "CONFIG_IP_NF_IPTABLES" : "CONFIG_IP6_NF_IPTABLES";
  struct Case {
    std::string config;
    BackendState state;
  };
  const Case cases[] = {
      {.config = option + "=m\n", .state = BackendState::not_loaded},
      {.config = option + "=m\n" + option + "_LEGACY=m\n", .state = BackendState::not_loaded},
      {.config = option + "=m\n# " + option + "_LEGACY is not set\n",
       .state = BackendState::not_built},
      {.config = "# " + option + " is not set\n", .state = BackendState::not_built},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.config);
    write("config.gz", c.config);
    LegacyReader reader = this->reader();
    EXPECT_THAT(reader.refresh({}), is_refresh(RefreshKind::full));
    EXPECT_EQ(reader.reading().state, c.state);
    EXPECT_THAT(reader.refresh({}), is_refresh(RefreshKind::unchanged));
  }
}

TEST_P(LegacyReaderTest, AnEmptyListIsNoTable) {
  write(names_file(), "");
  LegacyReader reader = this->reader();
  EXPECT_THAT(reader.refresh({}), is_refresh(RefreshKind::full));
  EXPECT_EQ(reader.reading().state, BackendState::no_table);
  EXPECT_THAT(reader.refresh({}), is_refresh(RefreshKind::unchanged));
}

TEST_P(LegacyReaderTest, AModuleThatIsLoadedLaterIsNoticed) {
  LegacyReader reader = this->reader();
  EXPECT_THAT(reader.refresh({}), is_refresh(RefreshKind::full));
  EXPECT_NE(reader.reading().state, BackendState::no_table);

  write(names_file(), "");
  EXPECT_THAT(reader.refresh({}), is_refresh(RefreshKind::full));
  EXPECT_EQ(reader.reading().state, BackendState::no_table);
  EXPECT_EQ(reader.reading().changes, 0U);
}

TEST_P(LegacyReaderTest, AListThatCannotBeReadIsNotTakenForALackOfPermission) {
  std::filesystem::create_directory(procfs_ / names_file());
  LegacyReader reader = this->reader();
  EXPECT_THAT(reader.refresh({}), fails_with(ErrorKind::internal, HasSubstr(names_file())));
  EXPECT_EQ(reader.reading().state, std::nullopt);
}

}  // namespace
}  // namespace kubecliff::iptables
