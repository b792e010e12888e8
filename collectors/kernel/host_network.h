// Whether this process sees the node's network and processes, or a pod's.
#pragma once

#include <filesystem>

#include "collectors/core/result.h"

namespace kubecliff {

// Conntrack's count is kept per network namespace: outside the node's own, it says nothing about
// the node. The kernel gives /proc/sys/net/netfilter/nf_conntrack_max the mode 0644 in the first
// network namespace and 0444 in every other (net/netfilter/nf_conntrack_standalone.c), which can be
// read without any privilege, where /proc/1/ns/net cannot. Unavailable where connection tracking is
// not loaded: then nothing tells.
[[nodiscard]] Result<bool> in_first_network_namespace(const std::filesystem::path& procfs);

// Of processes and users the first namespaces have inode numbers of their own
// (include/linux/proc_ns.h). True where that cannot be told.
[[nodiscard]] bool in_first_process_namespace(const std::filesystem::path& procfs);
[[nodiscard]] bool in_first_user_namespace(const std::filesystem::path& procfs);

}  // namespace kubecliff
