#include "exporter/chart/line_chart.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>

#include "exporter/markup/escaped.h"

namespace kubecliff::chart {
namespace {

using markup::escaped;

constexpr std::size_t kMostTitle = 160;
constexpr std::size_t kMostDescription = 1'000;
constexpr std::size_t kMostTick = 16;
// Nobody knows the reader's font: about this wide is a character of most, at 12 px.
constexpr double kCharacter = 6.6;
constexpr double kRow = 18;  // of the legend
constexpr double kSwatch = 26;

// Sizes of the picture and of what it has room for.
struct Format {
  double width;
  double height;
  std::size_t ticks_across;
  std::size_t ticks_up;
  std::size_t most_name;  // characters
  double column;          // as wide as a line: what happens within one is drawn as its extremes
};

constexpr Format kLarge{.width = kLargeWidth,
                        .height = kLargeHeight,
                        .ticks_across = 9,
                        .ticks_up = 7,
                        .most_name = 60,
                        .column = 2};
constexpr Format kSmall{
    .width = 360, .height = 140, .ticks_across = 5, .ticks_up = 4, .most_name = 28, .column = 1.5};

const Format& format_of(Size size) {
  return size == Size::large ? kLarge : kSmall;
}

double width_of(std::string_view escaped_text) {
  return kCharacter * static_cast<double>(markup::characters(escaped_text));
}

// A tenth of a pixel is enough for everybody.
std::string number(double value) {
  std::array<char, 32> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 1).ptr;
  std::string written{text.data(), end};
  if (written.ends_with(".0")) {
    written.resize(written.size() - 2);
  }
  return written == "-0" ? "0" : written;
}

std::string attribute(std::string_view name, double value) {
  return std::string{" "}.append(name) + "=\"" + number(value) + "\"";
}

enum class Anchor : std::uint8_t { start, middle, end };

std::string text_at(std::string_view css, double x, double y, Anchor anchor,
                    std::string_view escaped_text) {
  constexpr std::array<std::string_view, 3> kAnchors{"start", "middle", "end"};
  return "<text class=\"" + std::string{css} + "\"" + attribute("x", x) + attribute("y", y) +
         " text-anchor=\"" + std::string{kAnchors.at(static_cast<std::size_t>(anchor))} + "\">" +
         std::string{escaped_text} + "</text>\n";
}

std::string line_from(std::string_view css, Point from, Point to) {
  return "<path class=\"" + std::string{css} + "\" d=\"M" + number(from.x) + " " + number(from.y) +
         "L" + number(to.x) + " " + number(to.y) + "\"/>\n";
}

std::string tone_class(std::string_view base, Tone tone) {
  constexpr std::array<std::string_view, 3> kTones{"", "-warning", "-critical"};
  const std::string_view suffix = kTones.at(static_cast<std::size_t>(tone));
  const std::string all{base};
  return suffix.empty() ? all : all + " " + all + std::string{suffix};
}

// "line line-2"
std::string numbered(std::string_view base, std::size_t index) {
  const std::string all{base};
  return all + " " + all + "-" + std::to_string(index + 1);
}

// What of `id` an attribute id and a reference to it may have.
std::string identifier(std::string_view id) {
  constexpr std::size_t kMost = 64;
  std::string out;
  for (const char letter : id.substr(0, kMost)) {
    const bool is_fine = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                         (letter >= '0' && letter <= '9') || letter == '-' || letter == '_';
    out += is_fine ? letter : '-';
  }
  return out.empty() ? "chart" : out;
}

// What both sides must reach, and whether anything is there to be drawn.
class Extent {
 public:
  explicit Extent(Scale scale) : scale_{scale} {}

  void take(double value) {
    if (can_show(scale_, value)) {
      range_ =
          empty_ ? Range{.low = value, .high = value}
                 : Range{.low = std::min(range_.low, value), .high = std::max(range_.high, value)};
      empty_ = false;
    }
  }
  void take(const Side& side, std::span<const Mark> marks) {
    for (const Mark& mark : marks) {
      take(mark.at);
    }
    take(side.from.value_or(kGap));
    take(side.to.value_or(kGap));
  }
  [[nodiscard]] Range range() const {
    if (empty_) {
      return scale_ == Scale::log ? Range{.low = 1, .high = 10} : Range{.low = 0, .high = 1};
    }
    return range_;
  }

 private:
  Scale scale_;
  Range range_;
  bool empty_ = true;
};

class Drawing {
 public:
  explicit Drawing(const LineChart& chart);

  // What stands between <svg> and </svg>, without style.
  [[nodiscard]] std::string content() const;
  [[nodiscard]] std::string opening() const;

 private:
  [[nodiscard]] bool can_draw(const Point& point) const {
    return can_show(chart_.x.scale, point.x) && can_show(chart_.y.scale, point.y);
  }
  [[nodiscard]] double across(double x) const { return left_ + x_->position(x) * (right_ - left_); }
  [[nodiscard]] double down(double y) const { return bottom_ - y_->position(y) * (bottom_ - top_); }
  [[nodiscard]] std::string tick(const Side& side, double value) const {
    return escaped(side.text ? side.text(value) : number_text(value), kMostTick);
  }
  [[nodiscard]] std::string name_of(std::string_view name) const {
    return escaped(name, format_.most_name);
  }

  void take_lines();
  void place_legend();
  void place_axes();

  using Segment = std::vector<Point>;  // in pixels
  [[nodiscard]] std::vector<Segment> segments(const Line& line) const;

  [[nodiscard]] std::string description() const;
  [[nodiscard]] std::string legend() const;
  [[nodiscard]] std::string grid() const;
  // Their words come after the lines, which may run through them.
  struct Marks {
    std::string rules;
    std::string words;
  };
  [[nodiscard]] Marks horizontal_marks() const;
  [[nodiscard]] Marks vertical_marks() const;
  [[nodiscard]] std::string lines() const;

  struct Entry {
    double x;
    double y;
    std::string text;  // escaped
    std::size_t line;  // kMostLines: of none
  };

  const LineChart& chart_;
  const Format& format_;
  const bool is_large_;
  std::string id_;
  std::span<const Mark> horizontal_;
  std::span<const Mark> vertical_;
  std::vector<Line> lines_;  // by rising x
  bool has_points_ = false;
  std::vector<Entry> legend_;
  std::optional<Axis> x_;
  std::optional<Axis> y_;
  // The ground of the lines, in pixels.
  double left_ = 0;
  double right_ = 0;
  double top_ = 0;
  double bottom_ = 0;
};

Drawing::Drawing(const LineChart& chart)
    : chart_{chart},
      format_{format_of(chart.size)},
      is_large_{chart.size == Size::large},
      id_{identifier(chart.id)},
      horizontal_{chart.horizontal_marks},
      vertical_{chart.vertical_marks} {
  horizontal_ = horizontal_.first(std::min(horizontal_.size(), kMostMarks));
  vertical_ = vertical_.first(std::min(vertical_.size(), kMostMarks));
  take_lines();
  place_legend();
  place_axes();
}

void Drawing::take_lines() {
  const auto by_x = [](const Point& one, const Point& other) { return one.x < other.x; };
  for (const Line& line : chart_.lines) {
    if (lines_.size() == kMostLines) {
      break;
    }
    lines_.push_back(line);
    std::vector<Point>& points = lines_.back().points;
    // They have no place, and no order either.
    std::erase_if(points,
                  [this](const Point& point) { return !can_show(chart_.x.scale, point.x); });
    std::ranges::stable_sort(points, by_x);
  }
}

void Drawing::place_legend() {
  constexpr double kMargin = 12;
  top_ = is_large_ ? 30 : 10;
  if (chart_.lines.size() < 2) {
    return;
  }
  double x = kMargin;
  double y = top_ + 12;
  const auto place = [&](std::string text, std::size_t line) {
    const double width = (line < kMostLines ? kSwatch + 6 : 0) + width_of(text);
    if (x > kMargin && x + width > format_.width - kMargin) {
      x = kMargin;
      y += kRow;
    }
    legend_.push_back({.x = x, .y = y, .text = std::move(text), .line = line});
    x += width + 18;
  };
  for (std::size_t index = 0; index < lines_.size(); ++index) {
    place(name_of(lines_[index].name), index);
  }
  if (chart_.lines.size() > kMostLines) {
    place("and " + std::to_string(chart_.lines.size() - kMostLines) + " more, not shown",
          kMostLines);
  }
  top_ = y + 10;
}

void Drawing::place_axes() {
  Extent x{chart_.x.scale};
  Extent y{chart_.y.scale};
  for (const Line& line : lines_) {
    for (const Point& point : line.points) {
      if (can_draw(point)) {
        x.take(point.x);
        y.take(point.y);
        has_points_ = true;
      }
    }
  }
  x.take(chart_.x, vertical_);
  y.take(chart_.y, horizontal_);
  Range up = y.range();
  if (chart_.y.scale == Scale::linear) {
    up.low = std::min(up.low, 0.0);
  }
  x_.emplace(Axis::Shape{.scale = chart_.x.scale,
                         .steps = chart_.x.steps,
                         .ends = Axis::Ends::exact,
                         .most_ticks = format_.ticks_across},
             x.range());
  y_.emplace(Axis::Shape{.scale = chart_.y.scale,
                         .steps = chart_.y.steps,
                         .ends = Axis::Ends::round,
                         .most_ticks = format_.ticks_up},
             up);

  double widest = 0;
  for (const double value : y_->ticks()) {
    widest = std::max(widest, width_of(tick(chart_.y, value)));
  }
  left_ = widest + 14;
  right_ = format_.width - (is_large_ ? 24 : 16);
  top_ += is_large_ && !chart_.y.name.empty() ? 24 : 4;
  const double names = is_large_ && !chart_.x.name.empty() ? 20 : 0;
  bottom_ = std::max(format_.height, top_ + 90) - 24 - names;
}

std::string Drawing::opening() const {
  const double height = std::max(format_.height, bottom_ + 24);
  return "<svg class=\"kc-chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " +
         number(format_.width) + " " + number(height) + "\"" + attribute("width", format_.width) +
         attribute("height", height) + " role=\"img\" aria-labelledby=\"" + id_ +
         "-title\" aria-describedby=\"" + id_ + "-desc\">\n<title id=\"" + id_ + "-title\">" +
         escaped(chart_.title, kMostTitle) + "</title>\n<desc id=\"" + id_ + "-desc\">" +
         description() + "</desc>\n";
}

std::string Drawing::description() const {
  std::string text = escaped(chart_.description, kMostDescription);
  std::string marks;
  const auto say = [&](const Side& side, const Mark& mark) {
    if (can_show(side.scale, mark.at)) {
      marks += (marks.empty() ? "" : ", ") + name_of(mark.name) + " at " + tick(side, mark.at);
    }
  };
  for (const Mark& mark : horizontal_) {
    say(chart_.y, mark);
  }
  for (const Mark& mark : vertical_) {
    say(chart_.x, mark);
  }
  if (!marks.empty()) {
    text += (text.empty() ? "Marked: " : " Marked: ") + marks + ".";
  }
  return text;
}

std::string Drawing::legend() const {
  std::string out;
  for (const Entry& entry : legend_) {
    double x = entry.x;
    if (entry.line < kMostLines) {
      out += line_from(numbered("line", entry.line), {.x = x, .y = entry.y - 4},
                       {.x = x + kSwatch, .y = entry.y - 4});
      x += kSwatch + 6;
    }
    out += text_at("legend", x, entry.y, Anchor::start, entry.text);
  }
  return out;
}

std::string Drawing::grid() const {
  std::string out;
  for (const double value : y_->ticks()) {
    const double y = down(value);
    out += line_from("grid", {.x = left_, .y = y}, {.x = right_, .y = y}) +
           text_at("tick", left_ - 6, y + 4, Anchor::end, tick(chart_.y, value));
  }
  double free_from = -kCharacter;
  for (const double value : x_->ticks()) {
    const double x = across(value);
    const std::string text = tick(chart_.x, value);
    const double half = width_of(text) / 2;
    out += line_from("base", {.x = x, .y = bottom_}, {.x = x, .y = bottom_ + 4});
    if (x - half >= free_from + kCharacter && x + half <= format_.width) {
      out += text_at("tick", x, bottom_ + 18, Anchor::middle, text);
      free_from = x + half;
    }
  }
  out += line_from("base", {.x = left_, .y = bottom_}, {.x = right_, .y = bottom_});
  if (is_large_) {
    out +=
        text_at("unit", left_ - 6, top_ - 12, Anchor::start, name_of(chart_.y.name)) +
        text_at("unit", (left_ + right_) / 2, bottom_ + 38, Anchor::middle, name_of(chart_.x.name));
  }
  return out;
}

Drawing::Marks Drawing::horizontal_marks() const {
  constexpr double kText = 13;  // from one line of text to the next
  Marks marks;
  std::vector<double> taken;
  for (const Mark& mark : horizontal_) {
    if (!can_show(chart_.y.scale, mark.at)) {
      continue;
    }
    const double y = down(mark.at);
    marks.rules +=
        line_from(tone_class("mark", mark.tone), {.x = left_, .y = y}, {.x = right_, .y = y});
    // Above its line or below it; the description has the name of one that finds no room.
    for (const double at : {y - 4, y + kText}) {
      const bool is_inside = at - kText >= top_ - 8 && at <= bottom_ - 2;
      const bool is_free =
          std::ranges::none_of(taken, [at](double other) { return std::abs(at - other) < kText; });
      if (is_inside && is_free) {
        taken.push_back(at);
        marks.words += text_at(tone_class("says", mark.tone), left_ + 4, at, Anchor::start,
                               name_of(mark.name));
        break;
      }
    }
  }
  return marks;
}

Drawing::Marks Drawing::vertical_marks() const {
  Marks marks;
  double y = top_ + 12;
  for (const Mark& mark : vertical_) {
    if (!can_show(chart_.x.scale, mark.at)) {
      continue;
    }
    const double x = across(mark.at);
    marks.rules +=
        line_from(tone_class("mark", mark.tone), {.x = x, .y = top_}, {.x = x, .y = bottom_});
    if (y < bottom_ - 4) {
      const bool is_left = x < (left_ + right_) / 2;
      marks.words += text_at(tone_class("says", mark.tone), is_left ? x + 5 : x - 5, y,
                             is_left ? Anchor::start : Anchor::end, name_of(mark.name));
    }
    y += 15;
  }
  return marks;
}

std::vector<Drawing::Segment> Drawing::segments(const Line& line) const {
  std::vector<Segment> all;
  bool broken = true;  // since the last point that was drawn
  // Within a column, in the order in which they came: the first, the extremes, the last.
  std::array<Point, 4> column{};
  double column_end = 0;
  bool open = false;
  const auto close_column = [&] {
    auto& [first, least, most, last] = column;
    Segment& segment = all.back();
    const auto add = [&segment](const Point& point) {
      if (segment.empty() || segment.back().x != point.x || segment.back().y != point.y) {
        segment.push_back(point);
      }
    };
    add(first);
    add(least.x <= most.x ? least : most);
    add(least.x <= most.x ? most : least);
    add(last);
    open = false;
  };

  for (const Point& value : line.points) {
    if (!can_draw(value)) {
      broken = true;
      continue;
    }
    const Point point{.x = across(value.x), .y = down(value.y)};
    // A gap that is narrower than the line cannot be seen.
    if (open && point.x < column_end) {
      auto& [first, least, most, last] = column;
      least = point.y > least.y ? point : least;
      most = point.y < most.y ? point : most;
      last = point;
      broken = false;
      continue;
    }
    if (open) {
      close_column();
    }
    if (broken) {
      all.emplace_back();
    }
    column.fill(point);
    column_end = point.x + format_.column;
    open = true;
    broken = false;
  }
  if (open) {
    close_column();
  }
  return all;
}

std::string Drawing::lines() const {
  std::string areas;
  std::string out;
  for (std::size_t index = 0; index < lines_.size(); ++index) {
    std::string path;
    std::string dots;
    Point last{.x = kGap, .y = kGap};
    const auto add_dot = [&](const Point& point) {
      dots += "<circle class=\"" + numbered("dot", index) + "\"" + attribute("cx", point.x) +
              attribute("cy", point.y) + " r=\"3\"/>\n";
    };
    for (const Segment& segment : segments(lines_[index])) {
      last = segment.back();
      if (segment.size() == 1) {
        add_dot(last);
        continue;
      }
      std::string drawn;
      for (const Point& point : segment) {
        drawn += (drawn.empty() ? "M" : "L") + number(point.x) + " " + number(point.y);
      }
      if (!is_large_ && lines_.size() == 1 && y_->range().low >= 0) {
        areas += "<path class=\"area\" d=\"" + drawn + "L" + number(last.x) + " " +
                 number(bottom_) + "L" + number(segment.front().x) + " " + number(bottom_) +
                 "Z\"/>\n";
      }
      path += drawn;
    }
    if (!path.empty()) {
      out += "<path class=\"" + numbered("line", index) + "\" d=\"" + path + "\"/>\n";
    }
    if (!is_large_ && std::isfinite(last.x)) {
      add_dot(last);
    }
    out += dots;
  }
  return areas + out;
}

std::string Drawing::content() const {
  std::string out = "<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n";
  if (is_large_) {
    out += text_at("name", 12, 22, Anchor::start, escaped(chart_.title, 90));
  }
  const Marks across = horizontal_marks();
  const Marks up = vertical_marks();
  out += legend() + grid() + across.rules + up.rules + lines() + across.words + up.words;
  if (!has_points_) {
    out += text_at("nothing", (left_ + right_) / 2, (top_ + bottom_) / 2, Anchor::middle,
                   "no figures yet");
  }
  return out;
}

}  // namespace

std::string svg(const LineChart& chart) {
  const Drawing drawing{chart};
  return drawing.opening() + drawing.content() + "</svg>\n";
}

std::string svg_with_style(const LineChart& chart) {
  const Drawing drawing{chart};
  return drawing.opening() + "<style>\n" + std::string{style()} + "</style>\n" + drawing.content() +
         "</svg>\n";
}

}  // namespace kubecliff::chart
