// The four kinds of rules that read_services() looks into; each adds what it finds, and its error
// says why there may be more.
#pragma once

#include <cstddef>
#include <filesystem>

#include "collectors/core/result.h"
#include "collectors/inventory/services.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/netlink_socket.h"

namespace kubecliff::inventory {

// Of legacy iptables and of IPVS there is nothing to be added where they are not loaded; of
// nf_tables, the caller sees to it that it is there. `torn` where the rules kept changing.
[[nodiscard]] Result<void> add_legacy_services(AddressFamily family,
                                               const std::filesystem::path& procfs,
                                               std::size_t most, Services& to);
[[nodiscard]] Result<void> add_nft_services(AddressFamily family, netlink::Socket& socket,
                                            std::size_t most, Services& to);
[[nodiscard]] Result<void> add_nftables_services(AddressFamily family, netlink::Socket& socket,
                                                 std::size_t most, Services& to);
// Of both families.
[[nodiscard]] Result<void> add_ipvs_services(netlink::Socket& socket,
                                             const std::filesystem::path& procfs, std::size_t most,
                                             Services& to);

// How many more there may be.
[[nodiscard]] inline std::size_t room_in(const Services& services, std::size_t most) {
  return most > services.services.size() ? most - services.services.size() : 0;
}

}  // namespace kubecliff::inventory
