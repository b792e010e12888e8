// make_page REPORT [SECONDS]: the page of a made-up report (tests/support/reports.h), to be asked
// for again every so many seconds: its headers, an empty line, and the HTML. make_page --list: the
// names of the reports.

#include <algorithm>
#include <chrono>
#include <iostream>
#include <string_view>

#include "exporter/http/message.h"
#include "exporter/report/page.h"
#include "tests/support/reports.h"

int main(int argc, char** argv) {
  using namespace kubecliff;
  const std::vector<test::NamedReport> reports = test::made_up_reports();
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  if (wanted == "--list") {
    for (const test::NamedReport& each : reports) {
      std::cout << each.name << "\n";
    }
    return 0;
  }
  const auto found = std::ranges::find(reports, wanted, &test::NamedReport::name);
  if (found == reports.end()) {
    std::cerr << "make_page: no such report: " << wanted << "\n";
    return 2;
  }
  http::Request request;
  if (argc > 2) {
    request.query.push_back({.key = "refresh", .value = argv[2]});
  }
  const http::Response page =
      report::page(found->report, {.refresh = report::refresh_asked_for(request)});
  for (const http::Header& header : page.headers) {
    std::cout << header.name << ": " << header.value << "\n";
  }
  std::cout << "Content-Type: " << page.content_type << "\n\n" << page.body;
  return 0;
}
