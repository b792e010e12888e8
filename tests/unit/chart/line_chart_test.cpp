#include "exporter/chart/line_chart.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/markup.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::chart {
namespace {

using test::has_value;
using test::well_formed;
using testing::HasSubstr;
using testing::Not;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + what.size())) {
    ++found;
  }
  return found;
}

// Where the paths of some SVG go, in pixels.
std::vector<Point> drawn_points(std::string_view svg) {
  std::vector<Point> points;
  const char* const end = svg.data() + svg.size();
  for (std::size_t at = 0; at + 1 < svg.size(); ++at) {
    if (svg[at] == 'M' || svg[at] == 'L') {
      Point point;
      const auto x = std::from_chars(svg.data() + at + 1, end, point.x);
      if (x.ec == std::errc{} && x.ptr != end && *x.ptr == ' ' &&
          std::from_chars(x.ptr + 1, end, point.y).ec == std::errc{}) {
        points.push_back(point);
      }
    }
  }
  return points;
}

// The path of the first line.
std::string first_line(std::string_view svg) {
  constexpr std::string_view kLine = "class=\"line line-1\" d=\"";
  const std::size_t at = svg.find(kLine);
  const std::string_view path = at == std::string_view::npos ? "" : svg.substr(at + kLine.size());
  return std::string{path.substr(0, path.find('"'))};
}

// Every coordinate is inside of the picture.
void expect_inside(const std::string& svg) {
  constexpr std::string_view kBox = "viewBox=\"0 0 ";
  const std::size_t at = svg.find(kBox);
  ASSERT_NE(at, std::string::npos);
  std::istringstream box{svg.substr(at + kBox.size(), 40)};
  double width = 0;
  double height = 0;
  ASSERT_TRUE(box >> width >> height);
  for (const Point& point : drawn_points(svg)) {
    ASSERT_TRUE(point.x >= 0 && point.x <= width) << point.x;
    ASSERT_TRUE(point.y >= 0 && point.y <= height) << point.y;
  }
}

void expect_sound(const LineChart& chart) {
  for (const Size size : {Size::large, Size::small}) {
    LineChart sized = chart;
    sized.size = size;
    const std::string drawn = svg(sized);
    expect_inside(drawn);
    EXPECT_THAT(drawn, Not(HasSubstr("nan")));
    EXPECT_THAT(drawn, Not(HasSubstr("inf")));
    EXPECT_LT(drawn.size(), 200U * 1024);
    EXPECT_THAT(well_formed(svg_with_style(sized)), has_value()) << drawn.substr(0, 2'000);
  }
}

LineChart plain(std::vector<Point> points) {
  return {.id = "plain",
          .title = "Entries",
          .description = "Rises.",
          .lines = {{.name = "entries", .points = std::move(points)}}};
}

LineChart modes() {
  LineChart chart{.id = "lookup",
                  .title = "What a new connection costs",
                  .description = "Three modes of kube-proxy.",
                  .x = {.name = "Services", .scale = Scale::log},
                  .y = {.name = "a lookup takes", .scale = Scale::log, .text = seconds_text},
                  .lines = {{.name = "iptables", .points = {}},
                            {.name = "nftables", .points = {}},
                            {.name = "IPVS", .points = {}}},
                  .horizontal_marks = {{.at = 0.000'2, .name = "warning", .tone = Tone::warning},
                                       {.at = 0.001, .name = "critical", .tone = Tone::critical}},
                  .vertical_marks = {{.at = 5'000, .name = "this node today"}}};
  for (const double services : {10, 100, 500, 1'000, 5'000, 10'000, 20'000}) {
    chart.lines[0].points.push_back({services, 4e-6 + services * 6e-8});
    chart.lines[1].points.push_back({services, 5e-6});
    chart.lines[2].points.push_back({services, 7e-6});
  }
  return chart;
}

TEST(LineChart, IsAnImageWithATitleAndADescription) {
  const std::string drawn = svg(modes());
  EXPECT_THAT(
      drawn,
      HasSubstr(R"(role="img" aria-labelledby="lookup-title" aria-describedby="lookup-desc")"));
  EXPECT_THAT(drawn, HasSubstr(R"(<title id="lookup-title">What a new connection costs</title>)"));
  EXPECT_THAT(drawn,
              HasSubstr("<desc id=\"lookup-desc\">Three modes of kube-proxy. Marked: warning "
                        "at 200us, critical at 1ms, this node today at 5k.</desc>"));
  expect_sound(modes());
}

TEST(LineChart, NamesItsSidesAndSeveralLines) {
  const std::string drawn = svg(modes());
  for (const char* name : {">Services<", ">a lookup takes<", ">iptables<", ">nftables<", ">IPVS<",
                           ">warning<", ">this node today<", ">10us<", ">1k<", ">10k<"}) {
    EXPECT_THAT(drawn, HasSubstr(name));
  }
  EXPECT_THAT(svg(plain({{0, 1}, {1, 2}})), Not(HasSubstr(">entries<")))
      << "one line needs no legend";
}

TEST(LineChart, WithoutPointsSaysSo) {
  expect_sound(plain({}));
  EXPECT_THAT(svg(plain({})), HasSubstr(">no figures yet<"));
  EXPECT_THAT(svg(LineChart{}), HasSubstr(">no figures yet<"));
  EXPECT_THAT(well_formed(svg(LineChart{})), has_value());
  EXPECT_THAT(svg(plain({{0, kGap}, {1, kInfinity}})), HasSubstr(">no figures yet<"));
  expect_sound(plain({{0, kGap}, {1, kInfinity}, {kInfinity, 3}, {kGap, 3}}));
}

TEST(LineChart, OnePointIsADot) {
  const std::string drawn = svg(plain({{5, 7}}));
  EXPECT_EQ(count(drawn, "<circle"), 1U);
  EXPECT_EQ(count(drawn, "class=\"line line-1\""), 0U);
  expect_sound(plain({{5, 7}}));
}

TEST(LineChart, EqualValuesAreALevelLine) {
  expect_sound(plain({{0, 7}, {1, 7}, {2, 7}}));
  expect_sound(plain({{0, 0}, {1, 0}}));
  expect_sound(plain({{3, 1}, {3, 1}, {3, 1}}));
}

TEST(LineChart, AGapBreaksTheLine) {
  const std::string drawn =
      svg(plain({{0, 1}, {1, 2}, {2, kGap}, {3, 1}, {4, 2}, {5, kGap}, {6, 2}}));
  const std::string path = first_line(drawn);
  EXPECT_EQ(count(path, "M"), 2U);
  EXPECT_EQ(count(drawn, "<circle"), 1U) << "the one that stands alone";
}

TEST(LineChart, OnALogSideWhatIsNotAboveZeroIsAGap) {
  LineChart chart = plain({{1, 0}, {10, 5}, {100, -3}, {1'000, 50}, {0, 3}});
  chart.x.scale = Scale::log;
  chart.y.scale = Scale::log;
  chart.horizontal_marks = {{.at = 0, .name = "nothing"}};
  expect_sound(chart);
  EXPECT_EQ(count(svg(chart), "<circle"), 2U);
  EXPECT_THAT(svg(chart), Not(HasSubstr("nothing")));
}

TEST(LineChart, PointsAreDrawnInOrder) {
  EXPECT_EQ(svg(plain({{2, 3}, {0, 1}, {1, 2}})), svg(plain({{0, 1}, {1, 2}, {2, 3}})));
}

TEST(LineChart, HugeAndTinyNumbersHaveAPlace) {
  const double largest = std::numeric_limits<double>::max();
  expect_sound(plain({{-largest, -largest}, {0, 0}, {largest, largest}}));
  expect_sound(plain({{-1e299, -1e299}, {0, 0}, {1e299, 1e299}}));
  expect_sound(plain({{0, 5e-324}, {5e-324, 0}}));
  expect_sound(plain({{1e16, 1e16}, {1e16 + 2, 1e16 + 2}}));
}

TEST(LineChart, NumbersOfAnyKindAreDrawnInside) {
  std::mt19937_64 random{11};  // NOLINT(bugprone-random-generator-seed): the same each time
  std::uniform_real_distribution<double> exponent{-310, 310};
  std::uniform_int_distribution<int> any{0, 9};
  const auto number = [&] {
    const int kind = any(random);
    const double size = std::pow(10, exponent(random));
    return kind == 0 ? kGap : kind == 1 ? kInfinity : kind == 2 ? 0 : kind == 3 ? -size : size;
  };
  for (int round = 0; round < 300; ++round) {
    LineChart chart = plain({});
    for (int point = 0; point < 30; ++point) {
      chart.lines[0].points.push_back({number(), number()});
    }
    chart.x.scale = any(random) < 5 ? Scale::linear : Scale::log;
    chart.y.scale = any(random) < 5 ? Scale::linear : Scale::log;
    chart.size = any(random) < 5 ? Size::large : Size::small;
    chart.horizontal_marks = {{.at = number(), .name = "bound"}};
    chart.y.from = number();
    chart.x.to = number();
    expect_inside(svg(chart));
  }
}

TEST(LineChart, IsBoundedWhateverItIsGiven) {
  LineChart chart;
  chart.title = std::string(100'000, '<');
  chart.description = std::string(100'000, '"');
  chart.id = std::string(100'000, 'x');
  chart.x.name = chart.y.name = std::string(100'000, '&');
  chart.y.text = [](double) { return std::string(100'000, '\''); };
  for (int line = 0; line < 40; ++line) {
    Line& added = chart.lines.emplace_back();
    added.name = std::string(10'000, '>');
    for (int index = 0; index < 20'000; ++index) {
      added.points.push_back({index * 1.0, index % 3 == 0 ? kGap : std::sin(index * line)});
    }
    chart.horizontal_marks.push_back({.at = line * 0.01, .name = std::string(10'000, '>')});
    chart.vertical_marks.push_back({.at = line * 9.0, .name = std::string(10'000, '>')});
  }
  expect_sound(chart);
  EXPECT_THAT(svg(chart), HasSubstr("and 32 more, not shown"));
}

TEST(LineChart, APeakAmongManyPointsIsDrawn) {
  LineChart chart = plain({});
  for (int index = 0; index < 100'000; ++index) {
    chart.lines[0].points.push_back({index * 1.0, index == 54'321 ? 1'000.0 : 1.0});
  }
  const std::string drawn = svg(chart);
  const std::string path = first_line(drawn);
  double highest = kInfinity;
  for (const Point& point : drawn_points(path)) {
    highest = std::min(highest, point.y);
  }
  EXPECT_LT(highest, 60);
}

TEST(LineChart, HostileTextsStayTexts) {
  const std::string hostile = "</title><script>alert('1')</script>\" onload=\"x\n\x01\xFF\u202E";
  LineChart chart = modes();
  chart.id = chart.title = chart.description = chart.x.name = chart.y.name = hostile;
  chart.lines[0].name = chart.horizontal_marks[0].name = chart.vertical_marks[0].name = hostile;
  chart.y.text = [&](double) { return hostile; };
  expect_sound(chart);
  const std::string drawn = svg(chart);
  EXPECT_THAT(drawn, Not(HasSubstr("<script")));
  EXPECT_THAT(drawn, Not(HasSubstr("\" onload")));
  EXPECT_THAT(drawn, Not(HasSubstr("\u202E")));
}

TEST(LineChart, LoadsNothingAndRunsNothing) {
  const std::string drawn = svg_with_style(modes());
  for (const char* word :
       {"<script", "href", "url(", "@import", "style=", " on", "<image", "<use"}) {
    EXPECT_THAT(drawn, Not(HasSubstr(word)));
  }
  EXPECT_EQ(count(drawn, "http"), 1U) << "the name of SVG's namespace";
}

TEST(LineChart, BringsItsStyleOnlyWhenAsked) {
  EXPECT_THAT(svg(modes()), Not(HasSubstr("<style")));
  EXPECT_THAT(svg_with_style(modes()), HasSubstr(std::string{style()}));
}

}  // namespace
}  // namespace kubecliff::chart
