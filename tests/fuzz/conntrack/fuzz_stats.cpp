// A datagram of statistics, global or per CPU.
#include <cstddef>
#include <cstdint>
#include <span>

#include "collectors/conntrack/decode_stats.h"
#include "collectors/kernel/netlink_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kubecliff::netlink::Messages messages{std::as_bytes(std::span{data, size})};
  for (kubecliff::netlink::Message message; messages.next(message);) {
    static_cast<void>(kubecliff::conntrack::decode_table_size(message.payload));
    static_cast<void>(kubecliff::conntrack::decode_cpu_counters(message.payload));
  }
  return 0;
}
