// What processes and users can put into /proc: a command line, and the table of locks.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collectors/restore/tool.h"
#include "collectors/restore/xtables_lock.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff::restore;

  const std::string_view text{reinterpret_cast<const char*>(data), size};
  static_cast<void>(tool_of_command_line(text));
  const LockState state = decode_locks(text, {.major = 0, .minor = 0x19, .inode = 1234});
  if (state.waiters.size() > size) {
    std::abort();
  }
  return 0;
}
