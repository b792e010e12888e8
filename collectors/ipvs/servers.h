// Servers: what IPVS balances, summed up. A virtual server is an address, protocol and port, or a
// firewall mark; a real server is where its connections go.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collectors/kernel/address_family.h"

namespace kubecliff::ipvs {

enum class Protocol : std::uint8_t { tcp, udp, sctp, fwmark, other };
inline constexpr std::size_t kProtocols = 5;

// The value of the label `protocol`.
[[nodiscard]] std::string_view name(Protocol protocol);

// The kernel's own schedulers; the last one stands for every other.
inline constexpr std::array<std::string_view, 16> kSchedulers{
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh",   "sh",
    "mh", "sed", "nq", "fo",  "ovf",  "twos",  "none", "other"};

struct VirtualServer {
  AddressFamily family = AddressFamily::ipv4;
  Protocol protocol = Protocol::other;
  std::string_view scheduler = {};
};

struct RealServer {
  AddressFamily family = AddressFamily::ipv4;  // of its own address
  Protocol protocol = Protocol::other;         // of the virtual server
  bool draining = false;                       // weight 0: no new connections
  std::uint64_t active = 0;                    // connections
  std::uint64_t inactive = 0;
};

class Servers {
 public:
  struct Connections {
    std::uint64_t active = 0;
    std::uint64_t inactive = 0;
    std::uint64_t draining = 0;  // of both, those to real servers that drain

    friend bool operator==(const Connections&, const Connections&) = default;
  };

  void add(const VirtualServer& server);
  void add(const RealServer& server);

  // `scheduler` is an index of kSchedulers.
  [[nodiscard]] std::uint32_t virtual_servers(AddressFamily family, Protocol protocol,
                                              std::size_t scheduler) const {
    return virtual_[index(family)][index(protocol)][scheduler];
  }
  // All of them.
  [[nodiscard]] std::uint32_t virtual_servers() const;
  [[nodiscard]] std::uint32_t real_servers(AddressFamily family, Protocol protocol,
                                           bool draining) const {
    return real_[index(family)][index(protocol)][draining ? 1 : 0];
  }
  [[nodiscard]] const Connections& connections(AddressFamily family) const {
    return connections_[index(family)];
  }

  friend bool operator==(const Servers&, const Servers&) = default;

 private:
  template <typename Enum>
  static constexpr std::size_t index(Enum value) {
    return static_cast<std::size_t>(value);
  }

  template <typename T>
  using PerFamily = std::array<T, kAddressFamilies.size()>;

  PerFamily<std::array<std::array<std::uint32_t, kSchedulers.size()>, kProtocols>> virtual_{};
  PerFamily<std::array<std::array<std::uint32_t, 2>, kProtocols>> real_{};
  PerFamily<Connections> connections_{};
};

}  // namespace kubecliff::ipvs
