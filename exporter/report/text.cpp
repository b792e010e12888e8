#include "exporter/report/text.h"

#include <algorithm>
#include <array>
#include <cstddef>
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
constexpr std::size_t kNumber = 10;    // of a Service
constexpr std::size_t kMostName = 54;  // of what is named in a table

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
    if (report.names) {
      names(*report.names);
    } else if (!report.names_withheld.empty()) {
      title("Services and flows by name");
      text_ += "  " + wrapped(printable(report.names_withheld), 2, 2);
    }
    failures(report.failures);
    return std::move(text_);
  }

 private:
  void head(const Report& report) {
    text_ += bold("kubecliff report: " + printable(report.node)) + " at " + to_utc(report.at) +
             ", kernel " + printable(report.kernel) + ", kubecliff " + printable(report.version) +
             "\n";
    text_ += padded("Mode", kIndent) + wrapped(printable(words(report.mode)), kIndent, kIndent);
    for (const std::string& conflict : report.mode.conflicts) {
      text_ += std::string(kIndent, ' ') + "conflict: " + printable(conflict) + "\n";
    }
    text_ += padded("Verdict", kIndent) + verdict(report) + unread(report) + "; " + covers(report) +
             "\n";
  }

  void add(const Finding& finding) {
    const std::string indent(kIndent, ' ');
    text_ += "\n" + coloured(finding.severity, padded(word(finding.severity), kIndent)) +
             bold(printable(finding.alert));
    if (finding.firing_since) {
      text_ += ", fires since " + to_utc(*finding.firing_since);
    }
    text_ += "\n" + indent + wrapped(printable(finding.summary), kIndent, kIndent) + indent +
             wrapped(printable(finding.description), kIndent, kIndent);
    if (!finding.next.empty()) {
      text_ += indent + "-> " + wrapped(printable(finding.next), kIndent + 3, kIndent + 3);
    }
    text_ += indent + "   " + printable(finding.runbook) + "\n";
  }

  void measures(const Report& report) {
    const auto far = std::ranges::count_if(
        report.measures, [](const Measure& measure) { return !is_near(measure); });
    if (report.measures.empty()) {
      return;
    }
    title("Beside their bounds");
    if (far < std::ssize(report.measures)) {
      text_ += "  " + padded("", kMostName - 14) + right_aligned("now", kFigure);
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
        right_aligned(printable(short_figure(measure.unit, measure.value)), kFigure);
    text_ += "  " + padded(printable(words(measure), kMostName - 14), kMostName - 14) +
             (measure.exceeded ? coloured(*measure.exceeded, now) : now);
    for (const Severity severity : kSeverities) {
      const auto bound = std::ranges::find(measure.bounds, severity, &Bound::severity);
      text_ += right_aligned(
          bound == measure.bounds.end() ? "-" : printable(short_figure(measure.unit, bound->value)),
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
    title(printable(section.title));
    for (const Fact& fact : section.facts) {
      text_ += right_aligned(printable(figure(fact.unit, fact.value)), kFigure + 2) + "  " +
               printable(words(fact)) + "\n";
    }
  }

  void names(const Names& names) {
    services("Services by endpoints", names.services_by_endpoints);
    if (!same(names.services_by_rules, names.services_by_endpoints)) {
      services("Services by rules", names.services_by_rules);
    }
    services("Services by packets that their rules counted", names.services_by_packets);
    uneven(names.uneven_services);
    if (names.flows > 0) {
      title("Flows: " + grouped(names.flows) + ", of them short-lived " +
            grouped(names.short_lived_flows));
    }
    talkers("Sources by flows", names.sources);
    talkers("Destinations by flows", names.destinations);
    if (!same(names.short_lived_sources, names.sources)) {
      talkers("Sources by short-lived flows", names.short_lived_sources);
    }
    if (!same(names.short_lived_destinations, names.destinations)) {
      talkers("Destinations by short-lived flows", names.short_lived_destinations);
    }
    stale(names);
    for (const std::string& missing : names.missing) {
      text_ += "  not read: " + wrapped(printable(missing), 12, 12);
    }
  }

  // Then the second list says nothing that the first has not said. There is little room.
  static bool same(const std::vector<ServiceRow>& a, const std::vector<ServiceRow>& b) {
    return std::ranges::equal(a, b, {}, &ServiceRow::address, &ServiceRow::address);
  }
  static bool same(const std::vector<TalkerRow>& a, const std::vector<TalkerRow>& b) {
    return std::ranges::equal(a, b, [](const TalkerRow& one, const TalkerRow& other) {
      return one.address == other.address && one.flows == other.flows;
    });
  }

  void services(std::string_view heading, const std::vector<ServiceRow>& rows) {
    if (rows.empty()) {
      return;
    }
    title(heading);
    text_ += right_aligned("endpoints", kNumber) + right_aligned("rules", kNumber) +
             right_aligned("packets", kNumber) + "\n";
    for (const ServiceRow& row : rows) {
      text_ += right_aligned(grouped(row.endpoints), kNumber) +
               right_aligned(grouped(row.rules), kNumber) +
               right_aligned(row.packets ? grouped(*row.packets) : "-", kNumber) + "  " +
               name_of(row) + "\n";
    }
  }

  // The same Service may stand in two dataplanes, and in both families.
  static std::string name_of(const ServiceRow& row) {
    constexpr std::size_t kMostBytes = 64;
    return printable((row.name.empty() ? "" : row.name + ", ") + row.dataplane + " " + row.address,
                     kMostBytes);
  }

  void uneven(const std::vector<ServiceRow>& rows) {
    if (rows.empty()) {
      return;
    }
    title("Endpoints that get more or less than their share");
    for (const ServiceRow& row : rows) {
      text_ +=
          "  " + name_of(row) + (row.note.empty() ? "" : " (" + printable(row.note) + ")") + "\n";
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
      text_ +=
          right_aligned(grouped(row.flows), kFigure) + "  " + printable(row.address, kMostName);
      text_ += row.service.empty() ? "" : "  " + printable(row.service, kMostName);
      text_ += row.most_error == 0 ? "" : "  (or up to " + grouped(row.most_error) + " more)";
      text_ += "\n";
    }
  }

  void stale(const Names& names) {
    if (names.stale_flows.empty()) {
      return;
    }
    title(stale_title(names));
    for (const StaleRow& row : names.stale_flows) {
      text_ += right_aligned(grouped(row.flows), kFigure) + "  " +
               printable(row.service.empty() ? row.address : row.service, kMostName) + " -> " +
               printable(row.backend, kMostName) + "\n";
    }
  }

  void failures(const std::vector<std::string>& failures) {
    if (failures.empty()) {
      return;
    }
    title("Could not be read");
    for (const std::string& failure : failures) {
      text_ += "  " + wrapped(printable(failure), 2, 4);
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
