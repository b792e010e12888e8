// The generation of a network namespace's nftables ruleset: a number that every commit moves.
#pragma once

#include <cstdint>
#include <optional>

#include "collectors/core/result.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/netlink_socket.h"

namespace kubecliff::netlink {

// The lower half of the generation that every message of nftables carries; nothing where the
// message has no header.
[[nodiscard]] std::optional<std::uint16_t> decode_generation_tag(const Message& message);

// The answer to NFT_MSG_GETGEN; nothing where the message has no generation.
[[nodiscard]] std::optional<std::uint32_t> decode_generation(const Message& message);

// NFT_MSG_GETGEN: some 3 us, whatever the ruleset. Loads nf_tables where that is a module: only
// for callers that know it to be there.
[[nodiscard]] Result<std::uint32_t> read_generation(Socket& socket);

}  // namespace kubecliff::netlink
