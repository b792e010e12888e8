// How a command says that it cannot be carried out.
#pragma once

#include <iostream>
#include <string_view>

#include "exporter/commands/exit_code.h"

namespace kubecliff {

[[nodiscard]] inline int refuse(std::string_view message, int exit_code = kExitBadSettings) {
  std::cerr << "kubecliff: " << message << '\n';
  return exit_code;
}

}  // namespace kubecliff
