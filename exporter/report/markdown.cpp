#include "exporter/report/markdown.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/config/values.h"
#include "exporter/console/text.h"
#include "exporter/report/words.h"

namespace kubecliff::report {
namespace {

using console::grouped;

constexpr std::size_t kMostName = 120;

// ASCII, and what Markdown reads as its own with a backslash before it.
std::string plain(std::string_view text, std::size_t most_bytes = console::kMostBytes) {
  constexpr std::string_view kSpecial = "\\`*_{}[]<>()#|~&!";
  std::string out;
  for (const char character : console::printable(text, most_bytes)) {
    if (kSpecial.find(character) != std::string_view::npos) {
      out += '\\';
    }
    out += character;
  }
  return out;
}

// What others have named, as code: no mention, no link, whatever it is.
std::string code(std::string_view text) {
  if (text.empty()) {
    return {};
  }
  std::string out = console::printable(text, kMostName);
  std::ranges::replace(out, '`', '\'');
  for (std::size_t at = out.find('|'); at != std::string::npos; at = out.find('|', at + 2)) {
    out.insert(at, 1, '\\');
  }
  return "`" + out + "`";
}

class Writer {
 public:
  std::string write(const Report& report) {
    text_ += "# kubecliff report: " + plain(report.node) + "\n\n" + to_utc(report.at) +
             ", kernel " + plain(report.kernel) + ", kubecliff " + plain(report.version) +
             "\n\n- **Mode:** " + plain(words(report.mode)) + "\n";
    for (const std::string& conflict : report.mode.conflicts) {
      text_ += "- **Conflict:** " + plain(conflict) + "\n";
    }
    text_ += "- **Verdict:** " + verdict(report) + unread(report) + "; " + covers(report) + "\n";
    for (const Finding& finding : report.findings) {
      add(finding);
    }
    measures(report.measures);
    for (const Section& section : report.sections) {
      add(section);
    }
    curves(report.curves);
    if (report.names) {
      names(without_repeats(*report.names));
    } else if (!report.names_withheld.empty()) {
      text_ += "\n" + plain(report.names_withheld) + "\n";
    }
    unread_lines("Could not be read", report.failures);
    return std::move(text_);
  }

 private:
  void add(const Finding& finding) {
    title(console::upper(name(finding.severity)) + ": " + plain(finding.alert));
    text_ += "**" + plain(finding.summary) + "** " + plain(finding.description) + "\n";
    if (!finding.next.empty()) {
      text_ += "\n**Next:** " + plain(finding.next) + "\n";
    }
    text_ += is_web_address(finding.runbook) ? "\n[Runbook](<" + finding.runbook + ">)"
                                             : "\nRunbook: " + plain(finding.runbook);
    text_ += finding.firing_since ? ", firing since " + to_utc(*finding.firing_since) + "\n" : "\n";
  }

  void measures(const std::vector<Measure>& measures) {
    if (std::ranges::none_of(measures, is_near)) {
      return;
    }
    title("Beside their bounds");
    table({"check", "now", "info", "warning", "critical"});
    for (const Measure& measure : measures) {
      if (!is_near(measure)) {
        continue;
      }
      std::array<std::string, kSeverities.size()> bounds{"", "", ""};
      for (const Bound& bound : measure.bounds) {
        bounds[static_cast<std::size_t>(bound.severity)] = plain(figure(measure.unit, bound.value));
      }
      const std::string_view mark = measure.exceeded ? "**" : "";
      std::string now{mark};
      now.append(plain(figure(measure.unit, measure.value))).append(mark);
      row({plain(words(measure)), now, bounds[0], bounds[1], bounds[2]});
    }
  }

  void add(const Section& section) {
    title(plain(section.title));
    table({"what", "now"});
    for (const Fact& fact : section.facts) {
      row({plain(words(fact)), plain(figure(fact.unit, fact.value))});
    }
  }

  void curves(const std::vector<Curve>& curves) {
    auto rows = curve_table(curves);
    if (rows.empty()) {
      return;
    }
    title("The last hours, by the minute");
    table(rows.front());
    for (auto& cells : rows | std::views::drop(1)) {
      std::ranges::transform(cells, cells.begin(),
                             [](const std::string& cell) { return plain(cell); });
      row(cells);
    }
  }

  void names(const Names& names) {
    services("Services by endpoints", names.services_by_endpoints);
    services("Services by rules", names.services_by_rules);
    services("Services by packets", names.services_by_packets);
    for (const ServiceRow& service : names.uneven_services) {
      title("Uneven: " + name_of(service));
      text_ += service.note.empty() ? "" : plain(service.note) + "\n\n";
      table({"endpoint", "share", "expected"});
      for (const EndpointRow& endpoint : service.uneven) {
        row({code(endpoint.address), figure("ratio", endpoint.share),
             figure("ratio", endpoint.expected)});
      }
    }
    if (names.flows > 0) {
      text_ += "\n" + flows_line(names) + "\n";
    }
    talkers("Sources by flows", names.sources);
    talkers("Destinations by flows", names.destinations);
    talkers("Sources by short-lived flows", names.short_lived_sources);
    talkers("Destinations by short-lived flows", names.short_lived_destinations);
    if (!names.stale_flows.empty()) {
      title(stale_title(names));
      table({"flows", "Service", "backend"});
      for (const StaleRow& stale : names.stale_flows) {
        row({grouped(stale.flows), code(stale.service.empty() ? stale.address : stale.service),
             code(stale.backend)});
      }
    }
    unread_lines("Services and flows that could not be read", names.missing);
  }

  // The same Service may stand in two dataplanes, and in both families.
  static std::string name_of(const ServiceRow& service) {
    return (service.name.empty() ? "" : code(service.name) + ", ") + plain(service.dataplane) +
           " " + code(service.address);
  }

  void services(std::string_view heading, const std::vector<ServiceRow>& services) {
    if (services.empty()) {
      return;
    }
    title(heading);
    table({"Service", "endpoints", "rules", "packets"});
    for (const ServiceRow& service : services) {
      row({name_of(service), grouped(service.endpoints), grouped(service.rules),
           service.packets ? grouped(*service.packets) : ""});
    }
  }

  void talkers(std::string_view heading, const std::vector<TalkerRow>& talkers) {
    if (talkers.empty()) {
      return;
    }
    title(heading);
    table({"flows", "address", "Service"});
    for (const TalkerRow& talker : talkers) {
      const std::string more =
          talker.most_error == 0 ? "" : " (or up to " + grouped(talker.most_error) + " more)";
      row({grouped(talker.flows) + more, code(talker.address), code(talker.service)});
    }
  }

  void unread_lines(std::string_view heading, const std::vector<std::string>& lines) {
    if (lines.empty()) {
      return;
    }
    title(heading);
    for (const std::string& line : lines) {
      text_ += "- " + plain(line) + "\n";
    }
  }

  void title(std::string_view words) { text_ += "\n## " + std::string{words} + "\n\n"; }

  void table(const std::vector<std::string>& columns) {
    row(columns);
    text_ += "|";
    for (std::size_t i = 0; i < columns.size(); ++i) {
      text_ += "---|";
    }
    text_ += "\n";
  }

  void row(const std::vector<std::string>& cells) {
    text_ += "|";
    for (const std::string& cell : cells) {
      text_ += " " + cell + " |";
    }
    text_ += "\n";
  }

  std::string text_;
};

}  // namespace

std::string to_markdown(const Report& report) {
  return Writer{}.write(report);
}

}  // namespace kubecliff::report
