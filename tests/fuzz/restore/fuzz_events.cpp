// A datagram of the process connector or of task statistics.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "collectors/restore/decode_events.h"
#include "collectors/restore/tool.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;

  const Bytes datagram = std::as_bytes(std::span{data, size});
  static_cast<void>(restore::decode_process_event(datagram));
  if (const auto exit = restore::decode_task_exit(datagram)) {
    if (exit->name.size() > size) {
      std::abort();
    }
    static_cast<void>(restore::tool_of_task_name(exit->name));
  }
  return 0;
}
