#include "exporter/simulate/page.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/chart/line_chart.h"
#include "exporter/chart/style.h"
#include "exporter/markup/escaped.h"
#include "exporter/simulate/text.h"

namespace kubecliff::simulate {
namespace {

using markup::escaped;

// One drawing: a figure of every backend over the number of Services.
struct Curve {
  std::string_view id;
  std::string_view title;
  std::string_view side;   // what its y says
  std::string_view check;  // whose bounds are marks; empty: none
  bool (*shown)(const Point& point);
  double (*of)(const Point& point);
  std::string (*text)(double value);
};

bool always(const Point&) {
  return true;
}
bool of_iptables(const Point& point) {
  return is_iptables(point.backend);
}

constexpr std::array kCurves{
    Curve{"new-flow", "A new flow to the last Service", "one datagram", "", always,
          [](const Point& point) { return point.at(Position::last).new_flow.median; },
          chart::seconds_text},
    Curve{"miss", "A new flow to no Service, as the collector traversal measures it",
          "one datagram", "traversal_time", always,
          [](const Point& point) { return point.missed_new_flow.median; }, chart::seconds_text},
    Curve{"connections", "Connections a second to the last Service", "connections/s", "", always,
          [](const Point& point) { return point.at(Position::last).connections.median; },
          chart::number_text},
    Curve{"update", "Writing the change of one Service", "one run of the tool", "restore_duration",
          always, [](const Point& point) { return point.update.median; }, chart::seconds_text},
    Curve{"full", "Writing everything, as after a restart of kube-proxy", "one run of the tool", "",
          always, [](const Point& point) { return point.full.median; }, chart::seconds_text},
    Curve{"list", "Listing everything by the node's tool", "one run of the tool", "", always,
          [](const Point& point) { return point.list.median; }, chart::seconds_text},
    Curve{"read", "Reading everything by kubecliff", "one reading", "", always,
          [](const Point& point) { return point.read.median; }, chart::seconds_text},
    Curve{"rules", "Rules of iptables' nat table", "rules", "nat_rules", of_iptables,
          [](const Point& point) { return static_cast<double>(point.rules); }, chart::number_text},
};

chart::Tone tone_of(Severity severity) {
  switch (severity) {
    case Severity::critical:
      return chart::Tone::critical;
    case Severity::warning:
      return chart::Tone::warning;
    case Severity::info:
      break;
  }
  return chart::Tone::neutral;
}

// The bounds of a check that the curve comes near to: one that is far above would flatten it.
std::vector<chart::Mark> marks_of(const Report& report, const Curve& curve, double highest) {
  constexpr double kNear = 20;
  std::vector<chart::Mark> marks;
  for (const Meeting& meeting : report.meetings) {
    const bool known = std::ranges::any_of(
        marks, [&](const chart::Mark& mark) { return mark.at == meeting.bound; });
    if (meeting.check == curve.check && !known && meeting.bound < highest * kNear) {
      marks.push_back({.at = meeting.bound,
                       .name = std::string{kubecliff::name(meeting.severity)},
                       .tone = tone_of(meeting.severity)});
    }
  }
  return marks;
}

// Nothing where there is nothing to draw.
std::vector<chart::LineChart> charts_of(const Report& report) {
  std::vector<chart::LineChart> charts;
  for (const Curve& curve : kCurves) {
    std::vector<chart::Line> lines;
    double highest = 0;
    for (const Backend backend : kBackends) {
      chart::Line line{.name = std::string{name(backend)}, .points = {}};
      for (const Point& point : report.measured.points) {
        if (point.backend == backend && curve.shown(point)) {
          line.points.push_back({.x = static_cast<double>(point.services), .y = curve.of(point)});
          highest = std::max(highest, curve.of(point));
        }
      }
      if (!line.points.empty()) {
        lines.push_back(std::move(line));
      }
    }
    if (lines.empty()) {
      continue;
    }
    chart::LineChart drawn{
        .id = concat("simulate-", curve.id),
        .title = std::string{curve.title},
        .description = concat(curve.title, ", by the number of Services, for each backend."),
        .x = {.name = "Services", .scale = chart::Scale::log},
        .y = {.name = std::string{curve.side}, .scale = chart::Scale::log, .text = curve.text},
        .lines = std::move(lines),
        .horizontal_marks = marks_of(report, curve, highest)};
    if (report.present.services && *report.present.services > 0) {
      drawn.vertical_marks.push_back(
          {.at = static_cast<double>(*report.present.services), .name = "this node today"});
    }
    charts.push_back(std::move(drawn));
  }
  return charts;
}

constexpr std::string_view kPageStyle = R"(
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(34rem, 100%), 1fr)); gap: 1rem; }
.charts svg { width: 100%; height: auto; }
pre { overflow-x: auto; font-size: 13px; }
table { display: block; overflow-x: auto; margin: 1.5rem 0; border-collapse: collapse; font-size: 14px; }
caption { padding-bottom: .5rem; font-weight: bold; text-align: left; }
th, td { padding: .25rem 1.5rem .25rem 0; border-bottom: 1px solid #8884; text-align: left; vertical-align: top; white-space: nowrap; }
th { font-weight: normal; opacity: .75; }
small { opacity: .75; }
)";

std::string heading(const Report& report) {
  const Machine& machine = report.measured.machine;
  std::string backends;
  for (const UsedTool& tool : machine.tools) {
    append(backends, backends.empty() ? "" : ", ", name(tool.backend));
  }
  return concat("What Services cost on ", machine.node, backends.empty() ? "" : " in ", backends,
                ": Linux ", machine.kernel, ", ", machine.cpus, " CPUs, ", report.endpoints,
                " endpoints a Service");
}

std::string outlook_table(const Report& report) {
  const std::vector<OutlookRow> rows = outlook_rows(report);
  if (rows.empty()) {
    return {};
  }
  std::string html = concat("<table>\n<caption>", kOutlookTitle,
                            "</caption>\n<tr><th scope=\"col\">Backend</th>"
                            "<th scope=\"col\">Check</th>");
  for (const Severity severity : kSeverities) {
    append(html, "<th scope=\"col\">", kubecliff::name(severity), "</th>");
  }
  html += "</tr>\n";
  for (const OutlookRow& row : rows) {
    append(html, "<tr><td>", name(row.backend), "</td><th scope=\"row\">", escaped(row.check),
           "</th>");
    for (const OutlookRow::Cell& cell : row.cells) {
      append(html, "<td>", cell.met, cell.met.empty() ? "" : "<br><small>", escaped(cell.bound),
             cell.met.empty() ? "" : "</small>", "</td>");
    }
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

}  // namespace

std::string to_html(const Report& report) {
  std::string html = concat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>kubecliff simulate: ",
      escaped(report.measured.machine.node), "</title>\n<style>", kPageStyle, chart::style(),
      "</style>\n</head>\n<body>\n<h1>kubecliff simulate</h1>\n<p>", escaped(heading(report)), ".");
  for (const std::string& line : present_lines(report)) {
    append(html, " ", escaped(line));
  }
  append(html, "</p>\n", outlook_table(report), "<div class=\"charts\">\n");
  for (const chart::LineChart& chart : charts_of(report)) {
    append(html, "<div>", chart::svg(chart), "</div>\n");
  }
  html += "</div>\n<h2>In figures</h2>\n<pre>";
  // Line by line: line ends would be taken for control characters.
  std::string_view text;
  const std::string whole = tables_text(report);
  for (std::string_view rest = whole; !rest.empty();) {
    text = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(text.size() + 1, rest.size()));
    append(html, escaped(text), "\n");
  }
  return html + "</pre>\n</body>\n</html>\n";
}

std::string to_svg(const Report& report) {
  constexpr int kHead = 40;
  const std::vector<chart::LineChart> charts = charts_of(report);
  const auto rows = (std::ssize(charts) + 1) / 2;
  std::string svg = concat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", 2 * chart::kLargeWidth, "\" height=\"",
      kHead + rows * chart::kLargeHeight, "\" viewBox=\"0 0 ", 2 * chart::kLargeWidth, " ",
      kHead + rows * chart::kLargeHeight, "\">\n<style>", chart::style(),
      "\n.head { font: 16px system-ui, sans-serif; fill: #888; }</style>\n"
      "<text class=\"head\" x=\"16\" y=\"26\">",
      escaped(heading(report)), "</text>\n");
  for (std::size_t i = 0; i < charts.size(); ++i) {
    const auto at = static_cast<int>(i);
    append(svg, "<svg x=\"", at % 2 * chart::kLargeWidth, "\" y=\"",
           kHead + at / 2 * chart::kLargeHeight, "\" width=\"", chart::kLargeWidth, "\" height=\"",
           chart::kLargeHeight, "\">", chart::svg(charts[i]), "</svg>\n");
  }
  return svg + "</svg>\n";
}

}  // namespace kubecliff::simulate
