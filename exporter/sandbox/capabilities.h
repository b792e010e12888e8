// Privilege that nothing here uses is given up at the start: a program that parses what clients,
// the API server and the kernel send should have nothing left to lose.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "collectors/core/result.h"

namespace kubecliff::sandbox {

// Each is one of CAP_* of linux/capability.h, in ascending order.
using Capabilities = std::vector<int>;

struct Kept {
  Capabilities kept;      // used here, and this process had it
  Capabilities given_up;  // it had, and has for good no more
};

// What this thread has, and threads and programs that it starts from now on: of its capabilities
// only those of `used`, from its bounding set none (which takes CAP_SETPCAP, and is left where that
// is missing), and no_new_privs, so that no file that is executed gives any back. To be called
// while there is one thread. See capabilities(7), PR_SET_NO_NEW_PRIVS(2const).
[[nodiscard]] Result<Kept> keep_capabilities(std::span<const int> used);

// "net_admin,sys_ptrace"; "none".
[[nodiscard]] std::string names(std::span<const int> capabilities);

}  // namespace kubecliff::sandbox
