// Reports that somebody made up, for those who write them down: every part of a report occurs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exporter/report/report.h"

namespace kubecliff::test {

[[nodiscard]] report::Report fine_report();           // nothing is exceeded
[[nodiscard]] report::Report bad_report();            // a node in trouble, with curves and names
[[nodiscard]] report::Report empty_report();          // just begun: nothing is known
[[nodiscard]] report::Report report_without_names();  // they are kept from who asks
// Every text is `text`, which may be hostile.
[[nodiscard]] report::Report report_of(std::string_view text);
// Lists that are longer than anybody reads, of long texts.
[[nodiscard]] report::Report huge_report();

// What a user may call things, to be shown as text.
[[nodiscard]] std::string hostile_text();

struct NamedReport {
  std::string name;
  report::Report report;
};
// All of these, under short names.
[[nodiscard]] std::vector<NamedReport> made_up_reports();

}  // namespace kubecliff::test
