// What a refresh of a collector found, for tests to look up by name.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "collectors/core/samples.h"

namespace kubecliff::test {

// By "name" or "name{value,value}"; of a histogram its number of observations and their sum, by
// "name_count{…}" and "name_sum{…}".
using Figures = std::map<std::string, double>;

// Names come without `prefix`, which all of them must have. Leaves the samples empty.
[[nodiscard]] Figures figures_of(Samples& samples, std::string_view prefix);

}  // namespace kubecliff::test
