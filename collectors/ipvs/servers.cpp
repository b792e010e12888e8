#include "collectors/ipvs/servers.h"

#include <algorithm>
#include <numeric>

namespace kubecliff::ipvs {

std::string_view name(Protocol protocol) {
  switch (protocol) {
    case Protocol::tcp:
      return "tcp";
    case Protocol::udp:
      return "udp";
    case Protocol::sctp:
      return "sctp";
    case Protocol::fwmark:
      return "fwmark";
    case Protocol::other:
      break;
  }
  return "other";
}

void Servers::add(const VirtualServer& server) {
  const auto known = std::ranges::find(kSchedulers, server.scheduler);
  const std::size_t scheduler =
      std::min(static_cast<std::size_t>(known - kSchedulers.begin()), kSchedulers.size() - 1);
  ++virtual_[index(server.family)][index(server.protocol)][scheduler];
}

std::uint32_t Servers::virtual_servers() const {
  std::uint32_t count = 0;
  for (const auto& protocols : virtual_) {
    for (const auto& schedulers : protocols) {
      count += std::accumulate(schedulers.begin(), schedulers.end(), 0U);
    }
  }
  return count;
}

void Servers::add(const RealServer& server) {
  ++real_[index(server.family)][index(server.protocol)][server.draining ? 1 : 0];
  Connections& connections = connections_[index(server.family)];
  connections.active += server.active;
  connections.inactive += server.inactive;
  connections.draining += server.draining ? server.active + server.inactive : 0;
}

}  // namespace kubecliff::ipvs
