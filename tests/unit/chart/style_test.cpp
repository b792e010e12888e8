#include "exporter/chart/style.h"

#include <map>
#include <regex>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/markup.h"

namespace kubecliff::chart {
namespace {

// By name, the colours of the nth scheme: light, then dark.
std::map<std::string, std::string> colours(int scheme) {
  const std::string css{style()};
  static const std::regex colour{R"(--chart-([a-z0-9-]+): (#[0-9a-f]{6});)"};
  std::map<std::string, std::string> found;
  std::map<std::string, int> seen;
  for (std::sregex_iterator at{css.begin(), css.end(), colour}; at != std::sregex_iterator{};
       ++at) {
    if (seen[(*at)[1]]++ == scheme) {
      found[(*at)[1]] = (*at)[2];
    }
  }
  return found;
}

TEST(Style, ColoursAreReadableInLightAndDark) {
  for (const int scheme : {0, 1}) {
    auto all = colours(scheme);
    EXPECT_EQ(all.size(), 12U);
    for (const auto& [name, colour] : all) {
      if (name != "ground" && name != "grid") {
        EXPECT_GE(test::contrast(colour, all.at("ground")), 4.5) << name << " in scheme " << scheme;
      }
    }
  }
}

TEST(Style, EachLineHasADashPatternOfItsOwn) {
  const std::string css{style()};
  for (std::size_t line = 2; line <= kMostLines; ++line) {
    const std::string selector = ".line-" + std::to_string(line) + " { stroke: var(";
    const std::size_t at = css.find(selector);
    ASSERT_NE(at, std::string::npos) << selector;
    const std::size_t dashes = css.find("stroke-dasharray: ", at);
    const std::string pattern = css.substr(dashes, css.find(';', dashes) - dashes + 1);
    ASSERT_EQ(css.find('}', at), css.find(pattern, at) + pattern.size() + 1) << selector;
    EXPECT_EQ(css.find(pattern, dashes + 1), std::string::npos) << pattern;
  }
}

TEST(Style, LoadsNothingAndTouchesNothingElse) {
  const std::string css{style()};
  for (const char* loaded : {"url(", "@import", "@font-face", "http", "<", "&"}) {
    EXPECT_EQ(css.find(loaded), std::string::npos) << loaded;
  }
  static const std::regex rule{R"((^|\n)([^\n{}@]+)\{)"};
  for (std::sregex_iterator at{css.begin(), css.end(), rule}; at != std::sregex_iterator{}; ++at) {
    EXPECT_TRUE((*at)[2].str().starts_with(".kc-chart ")) << (*at)[2];
  }
}

}  // namespace
}  // namespace kubecliff::chart
