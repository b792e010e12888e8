// A filter of system calls: what this program has no use for, nobody who takes it over has either.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "collectors/core/result.h"

namespace kubecliff::sandbox {

// What becomes of a call that the list in system_calls.cpp does not have.
enum class Seccomp : std::uint8_t {
  off,
  log,     // it is carried out, and the kernel's audit tells of it
  refuse,  // it fails with ENOSYS, as on a kernel that does not know it
  kill,    // the process ends by SIGSYS, and the kernel's audit tells of it
};

// Holds for this thread and those that it starts from now on, and cannot be taken back; to be
// called while there is one thread. Takes no_new_privs, or CAP_SYS_ADMIN. `off` does nothing.
// Errors: unavailable, where the kernel has no CONFIG_SECCOMP_FILTER. See seccomp(2).
[[nodiscard]] Result<void> filter_system_calls(Seccomp others);

// Names of the calls that pass, some of them with certain arguments alone; each once.
[[nodiscard]] std::set<std::string> allowed_calls();

}  // namespace kubecliff::sandbox
