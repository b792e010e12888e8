// A report in Markdown, for a ticket or a chat. A pure function: what others have written cannot
// end a cell, begin a link or become HTML.
#pragma once

#include <string>

#include "exporter/report/report.h"

namespace kubecliff::report {

[[nodiscard]] std::string to_markdown(const Report& report);

}  // namespace kubecliff::report
