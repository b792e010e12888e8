#include "exporter/preflight/version.h"

#include <optional>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace kubecliff::preflight {
namespace {

TEST(ParseVersion, TakesWhatKernelsAndKubeProxyCallThemselves) {
  struct Case {
    std::string_view text;
    Version expected;
  };
  const std::vector<Case> cases{{"6.1.0-18-cloud-amd64", {6, 1, 0}},
                                {"v1.29.4-eks-036c24b", {1, 29, 4}},
                                {"v1.31.0+k3s1", {1, 31, 0}},
                                {"5.14", {5, 14, 0}},
                                {"4.18.0-553.el8_10.x86_64", {4, 18, 0}},
                                {"6.18.44_1", {6, 18, 44}}};
  for (const Case& c : cases) {
    EXPECT_EQ(parse_version(c.text), c.expected) << c.text;
  }
}

TEST(ParseVersion, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", "v", "6", "6.", "6.x", ".1", "6.1.", "6.1.x", "6.1rc", "six.one", " 6.1", "-6.1",
        "+6.1", "99999999999.1", "6.1.0a", "vv1.2"}) {
    EXPECT_EQ(parse_version(text), std::nullopt) << text;
  }
}

TEST(Version, IsOrderedByItsNumbers) {
  EXPECT_LT((Version{5, 4, 300}), (Version{5, 10, 0}));
  EXPECT_LT((Version{1, 9, 0}), (Version{1, 29, 0}));
  EXPECT_EQ(to_text({5, 13, 7}), "5.13");
}

}  // namespace
}  // namespace kubecliff::preflight
