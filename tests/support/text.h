// Texts put together from parts, as tests name them.
#pragma once

#include "exporter/simulate/text.h"

namespace kubecliff::test {

using simulate::append;
using simulate::concat;

}  // namespace kubecliff::test
