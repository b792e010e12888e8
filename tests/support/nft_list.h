// What `nft list` says of kube-proxy's tables, counted.
#pragma once

#include "collectors/core/result.h"
#include "tests/support/backend.h"
#include "tests/support/nftables_ruleset.h"

namespace kubecliff::test {

// Of the table `kube-proxy` of that family, in the calling thread's network namespace; every set
// and map with a fixed name that is there is among the elements.
[[nodiscard]] Result<NftablesFigures> list_nftables(Family family);

}  // namespace kubecliff::test
