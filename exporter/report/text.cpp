#include "exporter/report/text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/config/values.h"
#include "exporter/console/text.h"
#include "exporter/report/words.h"

namespace kubecliff::report {
namespace {

using console::grouped;
using console::padded;
using console::printable;
using console::right_aligned;
using console::wrapped;

constexpr std::size_t kIndent = 10;  // "CRITICAL" and a gap
constexpr std::size_t kFigure = 14;
constexpr std::size_t kMeasure = 40;
constexpr std::size_t kMostName = 54;    // of what is named in a line with others
constexpr std::size_t kMostFigure = 20;  // none of ours is longer

class Writer {
 public:
  explicit Writer(Colours colours) : colours_{colours} {}

  std::string write(const Report& report) {
    head(report);
    for (const Finding& finding : report.findings) {
      add(finding);
    }
    measures(report);
    for (const Section& section : report.sections) {
      add(section);
    }
    if (const auto curves = curve_table(report.curves); !curves.empty()) {
      title("The last hours, by the minute");
      table(curves);
    }
    if (report.names) {
      names(without_repeats(*report.names));
    } else if (!report.names_withheld.empty()) {
      title("Services and flows by name");
      text_ += "  " + wrapped(printable(report.names_withheld), 2, 2);
    }
    unread_lines("Could not be read", report.failures);
    return std::move(text_);
  }

 private:
  void head(const Report& report) {
    const std::string name = "kubecliff report: " + printable(report.node, kMostName);
    text_ += bold(name) + " " +
             wrapped("at " + to_utc(report.at) + ", kernel " + printable(report.kernel, kMostName) +
                         ", kubecliff " + printable(report.version, kMostName),
                     name.size() + 1, kIndent);
    text_ += padded("Mode", kIndent) + wrapped(printable(words(report.mode)), kIndent, kIndent);
    for (const std::string& conflict : report.mode.conflicts) {
      text_ +=
          std::string(kIndent, ' ') + wrapped("conflict: " + printable(conflict), kIndent, kIndent);
    }
    text_ += padded("Verdict", kIndent) +
             wrapped(verdict(report) + unread(report) + "; " + covers(report), kIndent, kIndent);
  }

  void add(const Finding& finding) {
    const std::string indent(kIndent, ' ');
    text_ += "\n" + coloured(finding.severity, padded(word(finding.severity), kIndent)) +
             bold(printable(finding.alert, kMostName));
    if (finding.firing_since) {
      text_ += ", firing since " + to_utc(*finding.firing_since);
    }
    text_ += "\n" + indent + wrapped(printable(finding.summary), kIndent, kIndent);
    if (!finding.description.empty()) {
      text_ += indent + wrapped(printable(finding.description), kIndent, kIndent);
    }
    if (!finding.next.empty()) {
      text_ += indent + "-> " + wrapped(printable(finding.next), kIndent + 3, kIndent + 3);
    }
    if (!finding.runbook.empty()) {
      text_ += indent + "   " + wrapped(printable(finding.runbook), kIndent + 3, kIndent + 3);
    }
  }

  void measures(const Report& report) {
    const auto far = std::ranges::count_if(
        report.measures, [](const Measure& measure) { return !is_near(measure); });
    if (report.measures.empty()) {
      return;
    }
    title("Beside their bounds");
    if (far < std::ssize(report.measures)) {
      text_ += "  " + padded("", kMeasure) + right_aligned("now", kFigure);
      for (const Severity severity : kSeverities) {
        text_ += right_aligned(std::string{name(severity)}, kFigure);
      }
      text_ += "\n";
    }
    for (const Measure& measure : report.measures) {
      if (is_near(measure)) {
        add(measure);
      }
    }
    if (far > 0) {
      text_ += "  " + std::to_string(far) + " more, not half way to their bounds\n";
    }
  }

  void add(const Measure& measure) {
    const std::string now =
        right_aligned(printable(short_figure(measure.unit, measure.value), kFigure - 1), kFigure);
    text_ += "  " + padded(printable(words(measure), kMeasure), kMeasure) +
             (measure.exceeded ? coloured(*measure.exceeded, now) : now);
    for (const Severity severity : kSeverities) {
      const auto bound = std::ranges::find(measure.bounds, severity, &Bound::severity);
      text_ += right_aligned(bound == measure.bounds.end()
                                 ? "-"
                                 : printable(short_figure(measure.unit, bound->value), kFigure - 1),
                             kFigure);
    }
    text_ += "\n";
  }

  // The check's name says what is counted.
  static std::string short_figure(std::string_view unit, double value) {
    const bool counts = unit != "ratio" && unit != "seconds" && !unit.ends_with("/s");
    const bool parts = unit == "cores" || unit == "times" || unit == "entries a bucket";
    if (counts) {
      return parts ? figure("/", value).substr(0, figure("/", value).find('/')) : figure("", value);
    }
    return unit.ends_with("/s") ? figure("/s", value) : figure(unit, value);
  }

  void add(const Section& section) {
    title(printable(section.title, console::kWidth));
    std::vector<std::vector<std::string>> rows;
    rows.reserve(section.facts.size());
    for (const Fact& fact : section.facts) {
      rows.push_back({words(fact), figure(fact.unit, fact.value)});
    }
    table(rows);
  }

  void names(const Names& names) {
    services("Services by endpoints", names.services_by_endpoints);
    services("Services by rules", names.services_by_rules);
    services("Services by packets that their rules counted", names.services_by_packets);
    uneven(names.uneven_services);
    if (names.flows > 0) {
      title(flows_line(names));
    }
    talkers("Sources by flows", names.sources);
    talkers("Destinations by flows", names.destinations);
    talkers("Sources by short-lived flows", names.short_lived_sources);
    talkers("Destinations by short-lived flows", names.short_lived_destinations);
    stale(names);
    unread_lines("Services and flows that could not be read", names.missing);
  }

  void services(std::string_view heading, const std::vector<ServiceRow>& rows) {
    if (rows.empty()) {
      return;
    }
    title(heading);
    const auto numbers = [](const std::string& endpoints, const std::string& rules,
                            const std::string& packets) {
      return "  " + right_aligned(endpoints, 9) + " " + right_aligned(rules, 9) + " " +
             right_aligned(packets, 12);
    };
    text_ += numbers("endpoints", "rules", "packets") + "\n";
    for (const ServiceRow& row : rows) {
      const std::string beside = numbers(grouped(row.endpoints), grouped(row.rules),
                                         row.packets ? grouped(*row.packets) : "-");
      const std::size_t column = beside.size() + 2;
      text_ += beside + "  " + parts({row.name, row.dataplane, row.address}, column, column);
    }
  }

  void uneven(const std::vector<ServiceRow>& rows) {
    if (rows.empty()) {
      return;
    }
    title("Endpoints that get more or less than their share");
    for (const ServiceRow& row : rows) {
      text_ += "  " + parts({row.name, row.dataplane, row.address, row.note}, 2, 4);
      for (const EndpointRow& endpoint : row.uneven) {
        text_ += right_aligned(figure("ratio", endpoint.share), kFigure) + "  " +
                 padded(printable(endpoint.address, kMostName), 24) + " expected " +
                 figure("ratio", endpoint.expected) + "\n";
      }
    }
  }

  void talkers(std::string_view heading, const std::vector<TalkerRow>& rows) {
    if (rows.empty()) {
      return;
    }
    title(heading);
    for (const TalkerRow& row : rows) {
      const std::string more =
          row.most_error == 0 ? "" : "(or up to " + grouped(row.most_error) + " more)";
      text_ += beside(row.flows) + parts({row.address, row.service, more}, kBeside, kBeside);
    }
  }

  void stale(const Names& names) {
    if (names.stale_flows.empty()) {
      return;
    }
    title(stale_title(names));
    for (const StaleRow& row : names.stale_flows) {
      text_ += beside(row.flows) +
               parts({row.service.empty() ? row.address : row.service, "-> " + row.backend},
                     kBeside, kBeside);
    }
  }

  void unread_lines(std::string_view heading, const std::vector<std::string>& lines) {
    if (lines.empty()) {
      return;
    }
    title(heading);
    for (const std::string& line : lines) {
      text_ += "  " + wrapped(printable(line), 2, 4);
    }
  }

  static constexpr std::size_t kBeside = kFigure + 2;
  static std::string beside(std::uint64_t flows) {
    return right_aligned(grouped(flows), kFigure) + "  ";
  }

  // Each whole on one line, the next where there is no more room; the lines go as wrapped()'s. What
  // is longer than a line is cut: no address is.
  static std::string parts(std::initializer_list<std::string_view> parts, std::size_t column,
                           std::size_t indent) {
    std::string out;
    for (const std::string_view part : parts) {
      const std::string text = printable(part, console::kWidth - indent);
      if (text.empty()) {
        continue;
      }
      if (!out.empty() && column + 2 + text.size() > console::kWidth) {
        out += "\n" + std::string(indent, ' ');
        column = indent;
      } else if (!out.empty()) {
        out += "  ";
        column += 2;
      }
      out += text;
      column += text.size();
    }
    return out + "\n";
  }

  // The first column is cut where the others, figures on the right, leave it no room.
  void table(const std::vector<std::vector<std::string>>& rows) {
    if (rows.empty()) {
      return;
    }
    std::vector<std::size_t> widths(rows.front().size());
    for (const std::vector<std::string>& row : rows) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        widths[i] =
            std::max(widths[i], i == 0 ? row[i].size() : std::min(row[i].size(), kMostFigure));
      }
    }
    std::size_t room = console::kWidth - 2;
    for (std::size_t i = 1; i < widths.size(); ++i) {
      room -= widths[i] + 2;
    }
    widths.front() = std::min(widths.front(), room);
    for (const std::vector<std::string>& row : rows) {
      text_ += "  " + padded(printable(row.front(), widths.front()), widths.front());
      for (std::size_t i = 1; i < row.size(); ++i) {
        text_ += "  " + right_aligned(printable(row[i], widths[i]), widths[i]);
      }
      text_ += "\n";
    }
  }

  void title(std::string_view text) { text_ += "\n" + bold(std::string{text}) + "\n"; }

  // Those that need somebody now are in capitals.
  static std::string word(Severity severity) {
    return severity == Severity::critical ? console::upper(name(severity))
                                          : std::string{name(severity)};
  }

  [[nodiscard]] std::string bold(const std::string& text) const { return sequence("1", text); }

  [[nodiscard]] std::string coloured(Severity severity, const std::string& text) const {
    constexpr std::array<std::string_view, kSeverities.size()> kCodes{"36", "33", "1;31"};
    return sequence(kCodes[static_cast<std::size_t>(severity)], text);
  }

  [[nodiscard]] std::string sequence(std::string_view code, const std::string& text) const {
    return colours_ == Colours::off ? text : "\x1b[" + std::string{code} + "m" + text + "\x1b[0m";
  }

  Colours colours_;
  std::string text_;
};

}  // namespace

std::string to_text(const Report& report, Colours colours) {
  return Writer{colours}.write(report);
}

}  // namespace kubecliff::report
