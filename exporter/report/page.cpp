#include "exporter/report/page.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <openssl/evp.h>

#include "exporter/chart/line_chart.h"
#include "exporter/config/values.h"
#include "exporter/console/text.h"
#include "exporter/markup/escaped.h"
#include "exporter/report/words.h"

namespace kubecliff::report {
namespace {

using console::grouped;

using markup::escaped;

// A page is to be read.
constexpr std::size_t kMostRows = 50;
constexpr std::size_t kMostName = 120;  // characters
constexpr std::size_t kMostText = 500;
constexpr std::size_t kMostSections = 8;
constexpr std::size_t kMostCurves = 12;

template <typename T>
std::span<const T> first(const std::vector<T>& all, std::size_t most = kMostRows) {
  return std::span{all}.first(std::min(all.size(), most));
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) {
    all += part;
  }
  return all;
}

std::string element(std::string_view tag, std::string_view css, std::string_view content) {
  return css.empty() ? joined({"<", tag, ">", content, "</", tag, ">"})
                     : joined({"<", tag, " class=\"", css, "\">", content, "</", tag, ">"});
}

// Long names are best broken after what separates their parts; no entity has these.
std::string breakable(std::string_view escaped_text) {
  std::string out;
  for (const char character : escaped_text) {
    out += character;
    out += character == '/' || character == ':' ? "<wbr/>" : "";
  }
  return out;
}

// A name as its user wrote it, whichever way that runs.
std::string name_of(std::string_view text) {
  return element("bdi", "", breakable(escaped(text, kMostName)));
}

std::string address_of(std::string_view text) {
  return element("bdi", "address", breakable(escaped(text, kMostName)));
}

std::string text_of(std::string_view text) {
  return escaped(text, kMostText);
}

std::string capitalised(std::string_view text) {
  std::string out{text};
  if (!out.empty() && out.front() >= 'a' && out.front() <= 'z') {
    out.front() = static_cast<char>(out.front() - 'a' + 'A');
  }
  return out;
}

enum class State : std::uint8_t { fine, info, warning, critical, unknown };

State state_of(Severity severity) {
  constexpr std::array kStates{State::info, State::warning, State::critical};
  return kStates.at(static_cast<std::size_t>(severity));
}

State state_of(const Report& report) {
  if (const auto severity = worst(report)) {
    return state_of(*severity);
  }
  return is_known(report) ? State::fine : State::unknown;
}

// Of the state's colour and words.
std::string_view css_of(State state) {
  constexpr std::array<std::string_view, 5> kNames{"fine", "info", "warning", "critical", "quiet"};
  return kNames.at(static_cast<std::size_t>(state));
}

std::string_view word_of(State state) {
  constexpr std::array<std::string_view, 5> kWords{"Fine", "Info", "Warning", "Critical",
                                                   "Not known yet"};
  return kWords.at(static_cast<std::size_t>(state));
}

// A shape of its own for each: they differ without colour, too. Words stand beside them.
std::string icon(State state) {
  constexpr std::array<std::string_view, 5> kShapes{
      R"(<circle cx="10" cy="10" r="9"/><path class="inside" d="M8.6 14.2 4.9 10.5l1.4-1.4 2.3 2.3 5.1-5.1 1.4 1.4z"/>)",
      R"(<rect x="1" y="1" width="18" height="18" rx="3"/><path class="inside" d="M9 8.5h2V15H9zM9 5h2v2H9z"/>)",
      R"(<path d="M10 1 19.5 18H.5z"/><path class="inside" d="M9 7h2v5.5H9zM9 14h2v2H9z"/>)",
      R"(<path d="M6.2 1h7.6L19 6.2v7.6L13.8 19H6.2L1 13.8V6.2z"/><path class="inside" d="M9 5h2v6.5H9zM9 13h2v2H9z"/>)",
      R"(<circle cx="10" cy="10" r="9"/><path class="inside" d="M4.5 9h2v2h-2zM9 9h2v2H9zM13.5 9h2v2h-2z"/>)"};
  return joined({R"(<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">)",
                 kShapes.at(static_cast<std::size_t>(state)), "</svg>"});
}

std::string badge(State state) {
  return joined({"<span class=\"severity ", css_of(state), "\">", icon(state), " ", word_of(state),
                 "</span>"});
}

std::string time_of(WallClock::time_point time) {
  const std::string utc = to_utc(time);
  // 2026-11-22T21:50:03Z
  std::string words = utc.substr(0, 10) + " " + utc.substr(std::min<std::size_t>(11, utc.size()));
  if (words.ends_with('Z')) {
    words.replace(words.size() - 1, 1, " UTC");
  }
  return joined({"<time datetime=\"", utc, "\">", words, "</time>"});
}

// "warning above 70%, critical above 85%"
std::string bounds_in_words(const Measure& measure) {
  std::string words;
  for (const Bound& bound : measure.bounds) {
    words += joined({words.empty() ? "" : ", ", name(bound.severity),
                     bound.side == Bound::Side::above ? " above " : " below ",
                     text_of(figure(measure.unit, bound.value))});
  }
  return words;
}

std::string svg_number(double value) {
  std::array<char, 32> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 2).ptr;
  return {text.data(), end};
}

// Nothing for what has no bound above it: there is no such thing as its whole.
std::string bar(const Measure& measure) {
  double whole = std::max(measure.value, 0.0);
  std::string marks;
  for (const Bound& bound : measure.bounds) {
    if (bound.side != Bound::Side::above || !std::isfinite(bound.value) || bound.value <= 0) {
      return "";
    }
    whole = std::max(whole, bound.value * 1.1);
  }
  if (measure.bounds.empty() || !std::isfinite(whole)) {
    return "";
  }
  const double share = std::clamp(measure.value / whole, 0.0, 1.0);
  for (const Bound& bound : measure.bounds) {
    marks += joined({"<rect class=\"bound\" x=\"", svg_number(bound.value / whole * 100),
                     "%\" y=\"-2\" width=\"2\" height=\"14\"/>"});
  }
  const std::string_view css = measure.exceeded ? css_of(state_of(*measure.exceeded)) : "";
  return joined(
      {R"(<svg class="bar" aria-hidden="true"><rect class="track" width="100%" height="10" rx="2"/>)",
       "<rect class=\"value ", css, "\" width=\"", svg_number(share * 100),
       "%\" height=\"10\" rx=\"2\"/>", marks, "</svg>\n"});
}

chart::Tone tone_of(Severity severity) {
  constexpr std::array kTones{chart::Tone::neutral, chart::Tone::warning, chart::Tone::critical};
  return kTones.at(static_cast<std::size_t>(severity));
}

double seconds_since_1970(WallClock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

chart::LineChart chart_of(const Curve& curve, Curve::Point begin, WallClock::time_point end) {
  using std::chrono::minutes;
  constexpr minutes kMostStep{2};  // from one minute's point to the next
  chart::LineChart chart{.id = "curve-" + curve.id,
                         .title = curve.title,
                         .size = chart::Size::small,
                         .x = {.steps = chart::Steps::clock,
                               .text = chart::clock_text,
                               .from = seconds_since_1970(std::min(begin.at, end - minutes{10})),
                               .to = seconds_since_1970(end)},
                         .lines = {{.name = curve.title, .points = {}}}};
  if (curve.unit == "seconds") {
    chart.y.text = chart::seconds_text;
  } else if (curve.unit == "ratio") {
    chart.y.text = chart::percent_text;
  } else if (curve.unit == "bytes") {
    chart.y.steps = chart::Steps::binary;
    chart.y.text = chart::bytes_text;
  }

  std::vector<chart::Point>& points = chart.lines.front().points;
  double least = curve.points.front().value;
  double most = least;
  const Curve::Point* before = nullptr;
  for (const Curve::Point& point : curve.points) {
    if (before != nullptr && point.at - before->at > kMostStep) {
      points.push_back({seconds_since_1970(before->at) + 1, chart::kGap});
    }
    points.push_back({seconds_since_1970(point.at), point.value});
    least = std::min(least, point.value);
    most = std::max(most, point.value);
    before = &point;
  }
  chart.description = "From " + to_utc(curve.points.front().at) + " to " +
                      to_utc(curve.points.back().at) + ", between " + figure(curve.unit, least) +
                      " and " + figure(curve.unit, most) + ", at the end " +
                      figure(curve.unit, curve.points.back().value) + ".";
  // One that is far away would press the line flat.
  constexpr double kNear = 4;
  for (const Bound& bound : curve.bounds) {
    if (bound.value <= most * kNear) {
      chart.horizontal_marks.push_back(
          {.at = bound.value,
           .name = std::string{name(bound.severity)} + " " + figure(curve.unit, bound.value),
           .tone = tone_of(bound.severity)});
    }
  }
  return chart;
}

struct Column {
  std::string_view title;
  enum class Kind : std::uint8_t { text, number } kind = Kind::text;
};

class Writer {
 public:
  Writer(const Report& report, const PageSettings& settings)
      : report_{report}, settings_{settings} {}

  std::string write() {
    head();
    header();
    text_ += "<main>\n";
    verdict_banner();
    findings();
    measures();
    sections();
    curves();
    names();
    failures();
    text_ += "</main>\n";
    footer();
    text_ += "</body>\n</html>\n";
    return std::move(text_);
  }

 private:
  void add(std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts) {
      text_ += part;
    }
  }

  void head() {
    add({R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
)"});
    if (settings_.refresh) {
      add({"<meta http-equiv=\"refresh\" content=\"", refresh_seconds(), "\"/>\n"});
    }
    add({"<link rel=\"icon\" href=\"data:,\"/>\n<title>", word_of(state_of(report_)), ": ",
         escaped(report_.node, kMostName), " - kubecliff</title>\n<style>", page_style(),
         "</style>\n</head>\n<body>\n"});
  }

  void header() {
    add({"<header>\n<p class=\"product\">kubecliff</p>\n<h1>", name_of(report_.node),
         "</h1>\n<p class=\"meta\"><span>Mode <b>", text_of(words(report_.mode)),
         "</b></span> <span>Kernel <b>", escaped(report_.kernel, kMostName), "</b></span>"});
    if (report_.at != WallClock::time_point{}) {
      add({" <span>As of <b>", time_of(report_.at), "</b></span>"});
    }
    text_ += "</p>\n";
    for (const std::string& conflict : first(report_.mode.conflicts)) {
      add({"<p class=\"warning\">", icon(State::warning),
           " Modes in conflict: ", escaped(conflict, kMostName), "</p>\n"});
    }
    text_ += "</header>\n";
  }

  void verdict_banner() {
    const State state = state_of(report_);
    const std::string words =
        state == State::unknown
            ? "Nothing is known yet"
            : joined({state == State::fine ? "Fine: " : "", text_of(verdict(report_))});
    const bool was_asked = report_.covers.count() > 0 || !report_.failures.empty();
    add({"<div class=\"verdict ", css_of(state), "\">", icon(state), "<p class=\"words\"><b>",
         words, "</b>",
         state != State::unknown ? text_of(capitalised(covers(report_)))
         : was_asked             ? "No figure was read that a check could judge"
                                 : "The first figures come within seconds",
         "."});
    if (!report_.failures.empty()) {
      add({" <a href=\"#failures\">", std::to_string(report_.failures.size()),
           " could not be read</a>."});
    }
    text_ += "</p></div>\n<p class=\"actions small\">";
    if (settings_.refresh) {
      add({"<span class=\"quiet\">Refreshes every ", refresh_seconds(),
           " s.</span> <a href=\"?\">Stop</a>"});
    } else {
      text_ += "<a href=\"?refresh=30\">Refresh every 30 s</a>";
    }
    text_ += "</p>\n";
  }

  [[nodiscard]] std::string refresh_seconds() const {
    return std::to_string(std::clamp(*settings_.refresh, kLeastRefresh, kMostRefresh).count());
  }

  void findings() {
    if (report_.findings.empty()) {
      return;
    }
    open("findings", "What is worst, and what to do next");
    text_ += "<ol class=\"findings\">\n";
    for (const Finding& finding : first(report_.findings)) {
      add({"<li>", badge(state_of(finding.severity)), "<div><h3>", text_of(finding.summary),
           "</h3>\n"});
      if (!finding.description.empty()) {
        add({"<p>", text_of(finding.description), "</p>\n"});
      }
      if (!finding.next.empty()) {
        add({"<p class=\"next\"><b>Next:</b> ", text_of(finding.next), "</p>\n"});
      }
      add({"<p class=\"small quiet\">", runbook(finding)});
      if (finding.firing_since) {
        add({". Firing since ", time_of(*finding.firing_since)});
      }
      text_ += "</p></div></li>\n";
    }
    text_ += "</ol>\n";
    left_out(report_.findings.size());
    close();
  }

  static std::string runbook(const Finding& finding) {
    const std::string_view address = finding.runbook;
    std::string alert = escaped(finding.alert, kMostName);
    if (!is_web_address(address)) {
      return alert;
    }
    return joined({"<a class=\"runbook\" rel=\"noreferrer\" href=\"", text_of(address),
                   "\">Runbook of ", alert, "</a>"});
  }

  void measures() {
    if (report_.measures.empty()) {
      return;
    }
    open("bounds", "Beside their bounds");
    std::vector<const Measure*> far;
    std::string near;
    std::size_t count = 0;
    for (const Measure& measure : report_.measures) {
      if (!is_near(measure)) {
        far.push_back(&measure);
      } else if (++count <= kMostRows) {
        near += near_measure(measure);
      }
    }
    if (near.empty()) {
      text_ += "<p>Nothing is half way to its first bound.</p>\n";
    } else {
      add({"<ul class=\"measures\">\n", near, "</ul>\n"});
      left_out(count);
    }
    if (!far.empty()) {
      others(far);
    }
    close();
  }

  static std::string near_measure(const Measure& measure) {
    const bool is_exceeded = measure.exceeded.has_value();
    const std::string sign =
        is_exceeded ? joined({icon(state_of(*measure.exceeded)), " "}) : std::string{};
    const std::string_view css = is_exceeded ? css_of(state_of(*measure.exceeded)) : "";
    const std::string word = is_exceeded ? joined({", ", name(*measure.exceeded)}) : std::string{};
    return joined(
        {"<li><p class=\"row\"><span>", text_of(words(measure)), "</span> <span class=\"figure ",
         css, "\">", sign, text_of(figure(measure.unit, measure.value)), word, "</span></p>\n",
         bar(measure), "<p class=\"small quiet\">", bounds_in_words(measure), "</p></li>\n"});
  }

  void others(const std::vector<const Measure*>& far) {
    const bool are_all = far.size() == report_.measures.size();
    add({"<details><summary>", std::to_string(far.size()), are_all ? "" : " other",
         far.size() == 1 ? " check" : " checks", ", not half way to the first bound</summary>\n"});
    using enum Column::Kind;
    table("Checks that are far from their bounds",
          {{.title = "Check"}, {.title = "Now", .kind = number}, {.title = "Bounds"}});
    for (const Measure* measure : first(far, 4 * kMostRows)) {
      row(text_of(words(*measure)), {{number, text_of(figure(measure->unit, measure->value))},
                                     {text, bounds_in_words(*measure)}});
    }
    end_table(0);
    text_ += "</details>\n";
  }

  void sections() {
    if (report_.sections.empty()) {
      return;
    }
    text_ += "<section class=\"columns\" aria-label=\"Figures\">\n";
    for (const Section& section : first(report_.sections, kMostSections)) {
      add({"<section><h2>", text_of(section.title), "</h2>\n<dl>\n"});
      for (const Fact& fact : first(section.facts)) {
        add({"<div><dt>", text_of(words(fact)), "</dt><dd class=\"figure\">",
             text_of(figure(fact.unit, fact.value)), "</dd></div>\n"});
      }
      text_ += "</dl>\n";
      left_out(section.facts.size());
      text_ += "</section>\n";
    }
    text_ += "</section>\n";
  }

  void curves() {
    const Curve::Point* begin = nullptr;
    for (const Curve& curve : first(report_.curves, kMostCurves)) {
      for (const Curve::Point& point : curve.points) {
        begin = begin == nullptr || point.at < begin->at ? &point : begin;
      }
    }
    if (begin == nullptr) {
      return;
    }
    open("curves", "The last hours");
    text_ += "<div class=\"columns\">\n";
    for (const Curve& curve : first(report_.curves, kMostCurves)) {
      if (!curve.points.empty()) {
        add({"<figure><figcaption><span>", text_of(curve.title), "</span> <span class=\"figure\">",
             text_of(figure(curve.unit, curve.points.back().value)), "</span></figcaption>\n",
             chart::svg(chart_of(curve, *begin, report_.at)), "</figure>\n"});
      }
    }
    text_ += "</div>\n<p class=\"small quiet\">By the minute, in UTC.</p>\n";
    close();
  }

  void names() {
    if (!report_.names) {
      if (!report_.names_withheld.empty()) {
        open("names", "Services and flows by name");
        add({"<p>", text_of(report_.names_withheld), "</p>\n"});
        close();
      }
      return;
    }
    const Names names = without_repeats(*report_.names);
    open("names", "Services and flows by name");
    add({"<p class=\"small quiet\">Read at ", time_of(names.read_at)});
    if (names.flows > 0) {
      add({"; flows: ", grouped(names.flows),
           ", of which short-lived: ", grouped(names.short_lived_flows)});
    }
    text_ += ".</p>\n";
    for (const std::string& missing : first(names.missing)) {
      add({"<p>", icon(State::warning), " Not read: ", text_of(missing), "</p>\n"});
    }
    text_ += "<div class=\"columns\">\n";
    services("Services with the most endpoints", names.services_by_endpoints);
    services("Services with the most rules", names.services_by_rules);
    services("Services whose rules counted the most packets", names.services_by_packets);
    uneven(names.uneven_services);
    talkers("Sources of the most flows", names.sources);
    talkers("Destinations of the most flows", names.destinations);
    talkers("Sources of the most short-lived flows", names.short_lived_sources);
    talkers("Destinations of the most short-lived flows", names.short_lived_destinations);
    stale(names);
    text_ += "</div>\n";
    close();
  }

  static std::string service(std::string_view name, std::string_view address) {
    return name.empty() ? address_of(address)
                        : joined({name_of(name), "<br/>",
                                  element("span", "small quiet", address_of(address))});
  }

  void services(std::string_view title, const std::vector<ServiceRow>& rows) {
    if (rows.empty()) {
      return;
    }
    using enum Column::Kind;
    table(title, {{.title = "Service"},
                  {.title = "Endpoints", .kind = number},
                  {.title = "Rules", .kind = number},
                  {.title = "Packets", .kind = number}});
    for (const ServiceRow& each : first(rows)) {
      row(service(each.name, each.address) + " " +
              element("span", "small quiet whole", text_of(each.dataplane)),
          {{number, grouped(each.endpoints)},
           {number, grouped(each.rules)},
           {number, each.packets ? grouped(*each.packets) : "not counted"}});
    }
    end_table(rows.size());
  }

  void uneven(const std::vector<ServiceRow>& rows) {
    if (rows.empty()) {
      return;
    }
    using enum Column::Kind;
    table("Endpoints that get more or less than their share",
          {{.title = "Service and endpoint"},
           {.title = "Packets", .kind = number},
           {.title = "Share", .kind = number},
           {.title = "Expected", .kind = number}});
    for (const ServiceRow& each : first(rows)) {
      const std::string note =
          each.note.empty() ? "" : "<br/>" + element("span", "small quiet", text_of(each.note));
      for (const EndpointRow& endpoint : first(each.uneven)) {
        row(service(each.name.empty() ? each.address : each.name, endpoint.address) + note,
            {{number, grouped(endpoint.packets)},
             {number, text_of(figure("ratio", endpoint.share))},
             {number, text_of(figure("ratio", endpoint.expected))}});
      }
    }
    end_table(rows.size());
  }

  void talkers(std::string_view title, const std::vector<TalkerRow>& rows) {
    if (rows.empty()) {
      return;
    }
    using enum Column::Kind;
    table(title, {{.title = "Address"}, {.title = "Flows", .kind = number}});
    for (const TalkerRow& each : first(rows)) {
      std::string flows = grouped(each.flows);
      if (each.most_error > 0) {
        flows += joined({"<br/><span class=\"small quiet\">or up to ", grouped(each.most_error),
                         " more</span>"});
      }
      row(service(each.service, each.address), {{number, flows}});
    }
    end_table(rows.size());
  }

  void stale(const Names& names) {
    const std::vector<StaleRow>& rows = names.stale_flows;
    if (rows.empty()) {
      return;
    }
    using enum Column::Kind;
    table(stale_title(names),
          {{.title = "Service"}, {.title = "Backend"}, {.title = "Flows", .kind = number}});
    for (const StaleRow& each : first(rows)) {
      row(service(each.service, each.address),
          {{text, address_of(each.backend)}, {number, grouped(each.flows)}});
    }
    end_table(rows.size());
  }

  void failures() {
    if (report_.failures.empty()) {
      return;
    }
    open("failures", "What could not be read");
    text_ += "<ul class=\"failures\">\n";
    for (const std::string& failure : first(report_.failures)) {
      add({"<li>", text_of(failure), "</li>\n"});
    }
    text_ += "</ul>\n";
    left_out(report_.failures.size());
    close();
  }

  void footer() {
    add({"<footer>\n<p>kubecliff ", escaped(report_.version, kMostName),
         "</p>\n<nav aria-label=\"kubecliff\"><ul>\n"});
    link(settings_.metrics, "Metrics, for Prometheus");
    link(settings_.json, "This report as JSON");
    link(settings_.ready, "Which collectors run, and why one does not");
    link(settings_.healthy, "Whether kubecliff serves");
    text_ += "</ul></nav>\n</footer>\n";
  }

  void link(std::string_view address, std::string_view words) {
    add({"<li><a href=\"", escaped(address), "\">", words, "</a></li>\n"});
  }

  // One that the page may be told to go to.
  void open(std::string_view id, std::string_view title) {
    add({"<section id=\"", id, "\" aria-labelledby=\"", id, "-title\">\n<h2 id=\"", id, "-title\">",
         title, "</h2>\n"});
  }
  void close() { text_ += "</section>\n"; }

  void left_out(std::size_t all) {
    if (all > kMostRows) {
      add({"<p class=\"small quiet\">And ", grouped(all - kMostRows), " more.</p>\n"});
    }
  }

  // What is too wide for the page is scrolled in a box of its own.
  void table(std::string_view title, std::initializer_list<Column> columns) {
    add({"<div><div class=\"scroll\"><table>\n<caption>", title, "</caption>\n<thead><tr>"});
    for (const Column& column : columns) {
      add({"<th scope=\"col\"", column.kind == Column::Kind::number ? " class=\"number\"" : "", ">",
           column.title, "</th>"});
    }
    text_ += "</tr></thead>\n<tbody>\n";
  }

  struct Cell {
    Column::Kind kind;
    std::string content;
  };
  void row(std::string_view head, std::initializer_list<Cell> cells) {
    add({"<tr><th scope=\"row\">", head, "</th>"});
    for (const Cell& cell : cells) {
      text_ += element("td", cell.kind == Column::Kind::number ? "number" : "", cell.content);
    }
    text_ += "</tr>\n";
  }

  void end_table(std::size_t rows) {
    text_ += "</tbody>\n</table></div>\n";
    left_out(rows);
    text_ += "</div>\n";
  }

  const Report& report_;
  const PageSettings& settings_;
  std::string text_;
};

// As Content-Security-Policy names a style.
std::string sha256_of(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::array<unsigned char, std::size_t{2} * EVP_MAX_MD_SIZE> base64{};
  const int written = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(size));
  return {base64.begin(), base64.begin() + written};
}

const std::string& security_policy() {
  static const std::string policy =
      "default-src 'none'; style-src 'sha256-" + sha256_of(page_style()) +
      "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  return policy;
}

}  // namespace

std::optional<std::chrono::seconds> refresh_asked_for(const http::Request& request) {
  const auto asked = request.parameters("refresh");
  if (asked.empty() || asked.front().empty()) {
    return std::nullopt;
  }
  const std::string_view text = asked.front();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size() || text.starts_with('-')) {
    return std::nullopt;
  }
  if (error == std::errc::result_out_of_range) {
    return kMostRefresh;
  }
  return std::clamp(std::chrono::seconds{number}, kLeastRefresh, kMostRefresh);
}

http::Response page(const Report& report, const PageSettings& settings) {
  return {.content_type = "text/html; charset=utf-8",
          .body = Writer{report, settings}.write(),
          .headers = {{"Content-Security-Policy", security_policy()},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cache-Control", "no-store"}}};
}

}  // namespace kubecliff::report
