#include "exporter/simulate/report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <initializer_list>

#include <nlohmann/json.hpp>

#include "exporter/console/text.h"
#include "exporter/simulate/text.h"

namespace kubecliff::simulate {
namespace {

using console::padded;
using console::printable;
using console::right_aligned;
using nlohmann::ordered_json;

std::string with_digits(double value, int digits) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

// Three digits that count.
std::string three_digits(double value) {
  if (value >= 99.95) {
    return with_digits(value, 0);
  }
  return with_digits(value, value >= 9.995 ? 1 : 2);
}

// None of the numbers is less than 0.
template <typename Number>
std::string whole(Number number) {
  return console::grouped(static_cast<std::uint64_t>(std::llround(number)));
}

std::string percent(double ratio) {
  return concat(whole(ratio * 100), "%");
}

constexpr std::size_t kColumn = 10;
constexpr std::array<std::array<std::string_view, 2>, 11> kHead{{{"", "Services"},
                                                                 {"", "rules"},
                                                                 {"full", "restore"},
                                                                 {"one-Svc", "update"},
                                                                 {"list", "(tool)"},
                                                                 {"read", "(kubecliff)"},
                                                                 {"new flow", "first"},
                                                                 {"new flow", "last"},
                                                                 {"known", "flow"},
                                                                 {"conn./s", "last"},
                                                                 {"", "spread"}}};

std::string table(const Report& report, Backend backend) {
  std::string text;
  for (std::size_t line = 0; line < 2; ++line) {
    for (const auto& head : kHead) {
      text += right_aligned(std::string{head[line]}, kColumn + (head[1] == "(kubecliff)" ? 2 : 0));
    }
    text += "\n";
  }
  for (const Point& point : report.measured.points) {
    if (point.backend != backend) {
      continue;
    }
    const Path& last = point.at(Position::last);
    text +=
        right_aligned(whole(point.services), kColumn) + right_aligned(whole(point.rules), kColumn);
    for (const Figure& figure : {point.full, point.update, point.list}) {
      text += right_aligned(time_text(figure.median), kColumn);
    }
    text += right_aligned(time_text(point.read.median), kColumn + 2);
    for (const Figure& figure :
         {point.at(Position::first).new_flow, last.new_flow, last.established}) {
      text += right_aligned(time_text(figure.median), kColumn);
    }
    text += right_aligned(whole(last.connections.median), kColumn) +
            right_aligned(percent(noise_of(point)), kColumn) + "\n";
  }
  return text;
}

std::string bound_text(const Meeting& meeting) {
  return meeting.unit == "seconds" ? time_text(meeting.bound)
                                   : whole(meeting.bound) + " " + meeting.unit;
}

std::string met_text(const Meeting& meeting) {
  if (meeting.days && *meeting.days <= 0) {
    return whole(meeting.services) + ", passed";
  }
  switch (meeting.where) {
    case Meeting::Where::below:
      return "below " + whole(meeting.services);
    case Meeting::Where::not_up_to:
      return "over " + whole(meeting.services);
    case Meeting::Where::at:
      break;
  }
  return whole(meeting.services) +
         (meeting.days ? concat(" in ", whole(*meeting.days), " days") : std::string{});
}

std::string outlook_table(const Report& report) {
  constexpr std::size_t kBackend = 17;
  constexpr std::size_t kCheck = 22;
  constexpr std::size_t kCell = 21;
  std::string text = concat(kOutlookTitle, "\n", std::string(2 + kBackend + kCheck, ' '));
  for (const Severity severity : kSeverities) {
    text += right_aligned(std::string{kubecliff::name(severity)}, kCell);
  }
  text += "\n";
  for (const OutlookRow& row : outlook_rows(report)) {
    append(text, "  ", padded(std::string{name(row.backend)}, kBackend), padded(row.check, kCheck));
    for (const OutlookRow::Cell& cell : row.cells) {
      text += right_aligned(cell.met.empty() ? "-" : cell.met, kCell);
    }
    text += "\n";
  }
  return text;
}

ordered_json json_of(const Figure& figure) {
  return {{"median", figure.median},
          {"least", figure.least},
          {"most", figure.most},
          {"times", figure.times}};
}

template <typename T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json json_of(const Point& point) {
  ordered_json json;
  json["backend"] = name(point.backend);
  json["services"] = point.services;
  json["endpoints"] = point.endpoints;
  json["rules"] = point.rules;
  json["worst_case_walk"] = or_null(point.worst_case_walk);
  json["full_restore_seconds"] = json_of(point.full);
  json["update_seconds"] = json_of(point.update);
  json["list_seconds"] = json_of(point.list);
  json["read_seconds"] = json_of(point.read);
  for (std::size_t i = 0; i < kPositions.size(); ++i) {
    const Path& path = point.paths[i];
    json["services_at"][std::string{kPositions[i]}] = {
        {"new_flow_seconds", json_of(path.new_flow)},
        {"established_seconds", json_of(path.established)},
        {"connections_per_second", json_of(path.connections)}};
  }
  json["no_service"] = {{"new_flow_seconds", json_of(point.missed_new_flow)},
                        {"established_seconds", json_of(point.missed_established)}};
  json["tool_peak_bytes"] = point.peak_bytes;
  json["took_seconds"] = point.took;
  return json;
}

std::string_view name(Meeting::Where where) {
  constexpr std::array<std::string_view, 3> kNames{"at", "below", "not_up_to"};
  return kNames[static_cast<std::size_t>(where)];
}

}  // namespace

std::string time_text(double seconds) {
  if (seconds >= 0.9995) {
    return concat(three_digits(seconds), "s");
  }
  if (seconds >= 0.0009995) {
    return concat(three_digits(seconds * 1e3), "ms");
  }
  return concat(three_digits(seconds * 1e6), "us");
}

double noise_of(const Point& point) {
  double most = 0;
  const auto look = [&](const Figure& figure) {
    if (figure.median > 0) {
      most = std::max(most, (figure.most - figure.least) / figure.median);
    }
  };
  for (const Figure& figure : {point.full, point.update, point.list, point.read}) {
    look(figure);
  }
  for (const Path& path : point.paths) {
    look(path.new_flow);
    look(path.connections);
  }
  return most;
}

std::vector<std::string> present_lines(const Report& report) {
  const Present& present = report.present;
  return {present.services
              ? concat("This node: ", whole(*present.services), " Service ports, ",
                       printable(present.from), ".")
              : concat("Where this node stands is not known: ", printable(present.from), "."),
          present.growth ? concat("It grows by ", three_digits(*present.growth), " a day.")
                         : "How it grows is not known, and so not when it meets a bound: "
                           "--growth=N, Services a day."};
}

std::vector<OutlookRow> outlook_rows(const Report& report) {
  std::vector<OutlookRow> rows;
  for (const Meeting& meeting : report.meetings) {
    if (rows.empty() || rows.back().backend != meeting.backend ||
        rows.back().check != meeting.check) {
      rows.push_back({.backend = meeting.backend, .check = meeting.check});
    }
    rows.back().cells[static_cast<std::size_t>(meeting.severity)] = {.bound = bound_text(meeting),
                                                                     .met = met_text(meeting)};
  }
  return rows;
}

std::string tables_text(const Report& report) {
  const Measured& measured = report.measured;
  std::string text =
      concat("kubecliff simulate: node ", printable(measured.machine.node), ", Linux ",
             printable(measured.machine.kernel), ", ", measured.machine.cpus, " CPUs; ",
             report.endpoints, " endpoints a Service\n");
  for (const UsedTool& tool : measured.machine.tools) {
    if (std::ranges::find(measured.points, tool.backend, &Point::backend) ==
        measured.points.end()) {
      continue;
    }
    append(text, "\n", name(tool.backend), "  (", printable(tool.version), ")\n",
           table(report, tool.backend));
  }
  if (!measured.missing.empty()) {
    text += "\n";
  }
  for (const Missing& missing : measured.missing) {
    append(text, "Not measured: ", name(missing.backend),
           missing.services ? concat(", from ", whole(*missing.services), " Services on")
                            : std::string{},
           ": ", printable(missing.why), ".\n");
  }
  text +=
      "\nMedians; spread is the largest (most - least) / median of a line. Flows and connections "
      "are from a pod's\naddress of this machine, one after the other. docs/simulate.md says how "
      "each is measured.\n";
  return text;
}

std::string to_text(const Report& report) {
  const Measured& measured = report.measured;
  std::string text = tables_text(report) + "\n";
  for (const std::string& line : present_lines(report)) {
    append(text, line, "\n");
  }
  if (!report.meetings.empty()) {
    append(text, "\n", outlook_table(report));
  }
  append(text, "\nTook ", time_text(measured.took), "; ",
         kEndings[static_cast<std::size_t>(measured.ending)], ".\n");
  return text;
}

std::string to_json(const Report& report) {
  const Measured& measured = report.measured;
  ordered_json json;
  json["ending"] = kEndings[static_cast<std::size_t>(measured.ending)];
  json["took_seconds"] = measured.took;
  json["machine"] = {{"node", printable(measured.machine.node)},
                     {"kernel", printable(measured.machine.kernel)},
                     {"cpus", measured.machine.cpus},
                     {"tools", ordered_json::array()}};
  for (const UsedTool& tool : measured.machine.tools) {
    json["machine"]["tools"].push_back({{"backend", name(tool.backend)},
                                        {"path", printable(tool.path)},
                                        {"version", printable(tool.version)}});
  }
  json["points"] = ordered_json::array();
  for (const Point& point : measured.points) {
    json["points"].push_back(json_of(point));
  }
  json["missing"] = ordered_json::array();
  for (const Missing& missing : measured.missing) {
    json["missing"].push_back({{"backend", name(missing.backend)},
                               {"from_services", or_null(missing.services)},
                               {"why", printable(missing.why)}});
  }
  json["now"] = {{"services", or_null(report.present.services)},
                 {"from", printable(report.present.from)},
                 {"growth_per_day", or_null(report.present.growth)}};
  json["bounds"] = ordered_json::array();
  for (const Meeting& meeting : report.meetings) {
    json["bounds"].push_back({{"backend", name(meeting.backend)},
                              {"check", meeting.check},
                              {"severity", kubecliff::name(meeting.severity)},
                              {"above", meeting.bound},
                              {"unit", meeting.unit},
                              {"where", name(meeting.where)},
                              {"services", meeting.services},
                              {"days", or_null(meeting.days)}});
  }
  return json.dump(2) + "\n";
}

}  // namespace kubecliff::simulate
