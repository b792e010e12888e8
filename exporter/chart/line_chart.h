// LineChart: lines, axes and marks as one SVG element, for HTML or for a file. A pure function:
// no scripts, nothing loaded from anywhere. It is dark where the reader's system is, and tells
// lines apart by dash patterns as well as by colours.
//
//   const std::string svg = chart::svg(
//       {.id = "lookup",
//        .title = "What a new connection costs",
//        .description = "From 100 to 20,000 Services, three modes of kube-proxy.",
//        .x = {.name = "Services", .scale = chart::Scale::log},
//        .y = {.name = "a lookup", .scale = chart::Scale::log, .text = chart::seconds_text},
//        .lines = {{.name = "iptables", .points = iptables}, {.name = "nftables", .points = nft}},
//        .horizontal_marks = {{.at = 0.001, .name = "warning", .tone = chart::Tone::warning}},
//        .vertical_marks = {{.at = 5'000, .name = "this node today"}}});
//
// Bounded whatever it is given: kMostLines lines, kMostMarks marks of each kind, texts that are
// cut, and no more points than the picture can show, so below 200 KiB. Texts are escaped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "exporter/chart/axis.h"
#include "exporter/chart/style.h"
#include "exporter/chart/tick_text.h"

namespace kubecliff::chart {

inline constexpr std::size_t kMostMarks = 8;

// As `y`, where a line is broken: nothing is known there.
inline constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

// Whatever its axis cannot show (can_show() of axis.h) is a gap too, so 0 on a log axis.
struct Point {
  double x = 0;
  double y = 0;
};

struct Line {
  std::string name;           // where there are several
  std::vector<Point> points;  // by rising x; others are put in order
};

struct Side {
  std::string name = {};  // "Services", with its unit where the ticks do not say it
  Scale scale = Scale::linear;
  Steps steps = Steps::decimal;
  std::function<std::string(double)> text = number_text;  // what a tick says
  // The axis shows at least these values. A linear y begins at 0 where nothing is below.
  std::optional<double> from = std::nullopt;
  std::optional<double> to = std::nullopt;
};

enum class Tone : std::uint8_t { neutral, warning, critical };

struct Mark {
  double at = 0;  // the axis reaches as far
  std::string name;
  Tone tone = Tone::neutral;
};

// Large: with its title and the names of its sides. Small: 360 by 140, for a place that says those
// itself.
enum class Size : std::uint8_t { large, small };
inline constexpr int kLargeWidth = 760;
inline constexpr int kLargeHeight = 380;

struct LineChart {
  std::string id;  // no other in the document: letters, digits, hyphens
  std::string title;
  std::string description = {};  // what it shows in words, for those who do not see it
  Size size = Size::large;
  Side x = {};
  Side y = {};
  std::vector<Line> lines = {};
  std::vector<Mark> horizontal_marks = {};
  std::vector<Mark> vertical_marks = {};
};

// An element for HTML, whose document has style() of style.h in a <style> once.
[[nodiscard]] std::string svg(const LineChart& chart);

// A whole file.svg, or an element for HTML that brings its <style> along.
[[nodiscard]] std::string svg_with_style(const LineChart& chart);

}  // namespace kubecliff::chart
