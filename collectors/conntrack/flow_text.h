// A flow as `conntrack -L` prints it, for logs.
#pragma once

#include <cstdint>
#include <string>

#include "collectors/conntrack/decode_flow.h"

namespace kubecliff::conntrack {

// "udp      17 src=10.0.0.5 dst=10.96.0.10 sport=40000 dport=53 src=10.244.1.7 dst=10.0.0.5
// sport=53 dport=40000", whatever of it is known. `protocol` is numbered as in the IP header.
[[nodiscard]] std::string flow_text(std::uint8_t protocol, const FlowTuple& original,
                                    const FlowTuple& reply);

}  // namespace kubecliff::conntrack
