// Backends: the ways in which kube-proxy programs a node's kernel, what each takes of the node, and
// whether it is there. Looks, and loads nothing.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kubecliff::simulate {

enum class Backend : std::uint8_t { iptables_legacy, iptables_nft, nftables, ipvs };

inline constexpr std::array kBackends{Backend::iptables_legacy, Backend::iptables_nft,
                                      Backend::nftables, Backend::ipvs};

// As kubecliff_dataplane_mode names them: "iptables-legacy".
[[nodiscard]] std::string_view name(Backend backend);
[[nodiscard]] std::optional<Backend> parse_backend(std::string_view name);
[[nodiscard]] constexpr bool is_iptables(Backend backend) {
  return backend == Backend::iptables_legacy || backend == Backend::iptables_nft;
}

// The node's own programs that write and list a backend's state.
struct Tools {
  std::string writer;   // a path
  std::string lister;   // the same
  std::string version;  // what the writer says of itself, one line
};

// Programs are looked for in the folders of `path`, "/usr/sbin:/usr/bin". The plain names of
// iptables are taken where what they start is of that backend, and legacy ones only where they can
// be kept from the node's lock (child.h).
struct Found {
  std::optional<Tools> tools = {};
  std::string missing = {};  // else: what is, and the package that has it
};
[[nodiscard]] Found find_tools(Backend backend, std::string_view path);

enum class LoadModules : std::uint8_t { no, yes };

// Why the kernel cannot carry it, in words; empty where it can. Where modules are to be loaded, by
// the tools' own questions, one that can be is no reason.
[[nodiscard]] std::string kernel_lacks(Backend backend, LoadModules load,
                                       const std::filesystem::path& procfs = "/proc",
                                       const std::filesystem::path& sysfs = "/sys");

}  // namespace kubecliff::simulate
