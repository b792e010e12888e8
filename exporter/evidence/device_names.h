// What network devices are called.
#pragma once

#include <string_view>

#include "exporter/evidence/json_lines.h"

namespace kubecliff::evidence {

// The name of a device, or what names begin with in a rule, as `cali+`. Those that everybody's
// devices have are passed over.
void learn_device(std::string_view name, Names& names);

}  // namespace kubecliff::evidence
