// One generation of the ruleset of nf_tables, read as a whole.
#pragma once

#include <cstdint>

#include "collectors/core/result.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/kernel/nftables.h"

namespace kubecliff::inventory {

// What `read(generation)` gives when neither before nor after it a transaction was under way, and
// none was committed meanwhile; `torn` after so many attempts.
template <typename Read>
[[nodiscard]] auto read_generation_whole(netlink::Socket& socket, Read read)
    -> decltype(read(std::uint32_t{})) {
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    const Result<std::uint32_t> generation = netlink::read_generation(socket);
    if (!generation) {
      return prefixed("nft: read ruleset generation", generation.error());
    }
    netlink::CommitWait commit;
    Result<void> whole = commit.wait(socket, *generation);
    if (whole) {
      auto result = read(*generation);
      if (!result && result.error().kind != ErrorKind::torn) {
        return result;
      }
      whole = result ? netlink::expect_generation(socket, *generation)
                     : Result<void>{std::unexpected(result.error())};
      if (whole) {
        return result;
      }
    }
    if (whole.error().kind != ErrorKind::torn || attempt == kAttempts) {
      return std::unexpected(whole.error());
    }
  }
}

}  // namespace kubecliff::inventory
