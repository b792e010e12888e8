// What a protocol of the IP header is called.
#pragma once

#include <cstdint>
#include <string>

namespace kubecliff {

// "tcp"; "47" for one that nobody puts before a port.
[[nodiscard]] std::string protocol_name(std::uint16_t protocol);

}  // namespace kubecliff
