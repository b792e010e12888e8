#include "tests/integration/probe/dns_stand_in.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <set>
#include <utility>

namespace kubecliff::test {
namespace {

constexpr int kLookMs = 20;
constexpr std::size_t kHeader = 12;

}  // namespace

DnsStandIn::DnsStandIn(Decide decide)
    : decide_{std::move(decide)}, socket_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket_.get(), generic, size) == 0 &&
      ::getsockname(socket_.get(), generic, &size) == 0) {
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { serve(); }};
  }
}

DnsStandIn::~DnsStandIn() {
  stopping_ = true;
  if (thread_.joinable()) {
    thread_.join();
  }
}

void DnsStandIn::serve() {
  std::set<std::uint16_t> ports;
  std::array<unsigned char, 512> packet{};
  while (!stopping_) {
    pollfd waiting{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kLookMs) <= 0) {
      continue;
    }
    sockaddr_in from{};
    socklen_t size = sizeof(from);
    auto* const generic = reinterpret_cast<sockaddr*>(&from);
    const ssize_t length =
        ::recvfrom(socket_.get(), packet.data(), packet.size(), 0, generic, &size);
    if (length < static_cast<ssize_t>(kHeader + 5)) {
      continue;
    }
    ports.insert(ntohs(from.sin_port));
    ports_ = static_cast<int>(ports.size());
    // The question ends the packet: type and class.
    const int type = packet[static_cast<std::size_t>(length) - 3];
    const Reply reply = decide_(type, ++queries_);
    if (reply.code < 0) {
      continue;
    }
    std::this_thread::sleep_for(reply.delay);
    packet[2] = 0x84;  // a response, of authority
    packet[3] = static_cast<unsigned char>(reply.code);
    ::sendto(socket_.get(), packet.data(), static_cast<std::size_t>(length), MSG_NOSIGNAL, generic,
             size);
  }
}

}  // namespace kubecliff::test
