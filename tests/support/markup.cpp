#include "tests/support/markup.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string>

#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

double luminance(std::string_view colour) {
  if (colour.size() != 7 || !colour.starts_with('#')) {
    throw std::invalid_argument{"no colour: " + std::string{colour}};
  }
  const auto part = [&](std::size_t at) {
    int value = 0;
    const char* const begin = colour.data() + at;
    if (std::from_chars(begin, begin + 2, value, 16).ptr != begin + 2) {
      throw std::invalid_argument{"no colour: " + std::string{colour}};
    }
    const double ratio = value / 255.0;
    return ratio <= 0.03928 ? ratio / 12.92 : std::pow((ratio + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
}

}  // namespace

Result<void> well_formed(std::string_view xml) {
  const auto run = run_tool({"python3", "-c",
                             "import sys, xml.parsers.expat as expat\n"
                             "try:\n"
                             "    expat.ParserCreate().Parse(sys.stdin.buffer.read(), True)\n"
                             "except expat.ExpatError as error:\n"
                             "    sys.exit(str(error))\n"},
                            xml);
  if (!run) {
    return std::unexpected{run.error()};
  }
  if (run->exit_status != 0) {
    return fail(ErrorKind::malformed, run->err);
  }
  return {};
}

double contrast(std::string_view one, std::string_view other) {
  const double first = luminance(one);
  const double second = luminance(other);
  return (std::max(first, second) + 0.05) / (std::min(first, second) + 0.05);
}

}  // namespace kubecliff::test
