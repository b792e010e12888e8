// The maps in which an eBPF dataplane keeps Services and their backends, pinned where every node
// has them: Cilium's, below BPF_FS/tc/globals.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"

namespace kubecliff::dataplane {

struct ServiceMap {
  std::string_view name;                 // "lb4_services": Cilium's without its version
  std::optional<std::uint32_t> entries;  // nothing where we may not ask
  std::optional<std::uint32_t> max_entries;

  friend bool operator==(const ServiceMap&, const ServiceMap&) = default;
};

struct ServiceMaps {
  std::vector<ServiceMap> maps;
  bool replaces_kube_proxy = false;  // a map that Cilium makes only where it is to do so
};

// Those that are there; nothing where there is no bpffs, or we may not look into it, as in a pod
// that was not given the node's. That they are there is for the pins to say, and takes no privilege
// but that of their owner, root; what is in them is asked of the bpf system call, which before
// Linux 5.19 takes CAP_BPF besides, in batches of some thousand entries: 18 ms for 65,536. Kernels
// before 5.6 have no batches, and tell only the room.
[[nodiscard]] Result<std::optional<ServiceMaps>> read_service_maps(
    const std::filesystem::path& bpf_fs);

}  // namespace kubecliff::dataplane
