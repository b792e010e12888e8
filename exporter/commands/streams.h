// What commands write to standard output and to standard error.
#pragma once

#include <cerrno>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>

#include "exporter/commands/exit_code.h"

namespace kubecliff {

// One line that says why a command cannot be carried out, or has failed.
[[nodiscard]] inline int refuse(std::string_view message, int exit_code = kExitBadSettings) {
  std::cerr << "kubecliff: " << message << '\n';
  return exit_code;
}

// What a command was asked for. Where not all of it could be written, as on a full disk, a failure
// whatever it says; a reader that has gone away is told nothing more.
[[nodiscard]] inline int print(std::string_view command, std::string_view text, int exit_code) {
  errno = 0;
  if (std::cout << text << std::flush) {
    return exit_code;
  }
  return errno == EPIPE ? kExitFailure
                        : refuse(std::string{command} +
                                     ": standard output: " + std::generic_category().message(errno),
                                 kExitFailure);
}

}  // namespace kubecliff
