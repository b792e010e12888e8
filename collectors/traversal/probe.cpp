#include "collectors/traversal/probe.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <tuple>
#include <utility>

namespace kubecliff::traversal {
namespace {

constexpr std::string_view kSend = "send probe datagram to the loopback address";

// Over the loopback device a datagram has arrived when send(2) returns.
constexpr timeval kPatience{.tv_sec = 0, .tv_usec = 200'000};

// An address and port of either family, as the socket calls take it.
struct Address {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);

  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] std::uint16_t port() const {
    // Both families have the port in the same place.
    sockaddr_in address;  // NOLINT(*-init-variables, *-member-init): filled in the next line
    std::memcpy(&address, &storage, sizeof(address));
    return ntohs(address.sin_port);
  }
};

template <typename T>
Address address_of(const T& family_address) {
  Address address;
  std::memcpy(&address.storage, &family_address, sizeof(family_address));
  address.size = sizeof(family_address);
  return address;
}

Address loopback(AddressFamily family, std::uint16_t port) {
  if (family == AddressFamily::ipv4) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address_of(address);
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  return address_of(address);
}

Result<UniqueFd> open_socket(AddressFamily family) {
  UniqueFd socket{::socket(af(family), SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket.valid()) {
    return fail_errno(errno, "open probe socket");
  }
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience)) < 0) {
    return fail_errno(errno, "set patience of probe socket");
  }
  return socket;
}

Result<Address> local_address(const UniqueFd& socket) {
  Address address;
  if (::getsockname(socket.get(), address.get(), &address.size) < 0) {
    return fail_errno(errno, "look up port of probe socket");
  }
  return address;
}

// From whom the datagram is, or how long in vain it was waited for.
Result<Address> receive(const UniqueFd& socket) {
  Address sender;
  char byte = 0;
  if (::recvfrom(socket.get(), &byte, sizeof(byte), 0, sender.get(), &sender.size) < 0) {
    return fail_errno(errno, "receive probe datagram on the loopback address");
  }
  return sender;
}

}  // namespace

Result<std::chrono::nanoseconds> timed_send(const UniqueFd& socket, std::string_view doing) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point started = Clock::now();
  const ssize_t sent = ::send(socket.get(), "?", 1, MSG_NOSIGNAL);
  const Clock::time_point ended = Clock::now();
  if (sent < 0) {
    return fail_errno(errno, doing);
  }
  return ended - started;
}

Result<Probe> Probe::open(AddressFamily family) {
  Result<UniqueFd> receiver = open_socket(family);
  if (!receiver) {
    return std::unexpected(std::move(receiver.error()));
  }
  Address any = loopback(family, 0);
  if (::bind(receiver->get(), any.get(), any.size) < 0) {
    return fail(ErrorKind::unavailable, errno,
                std::string{"no loopback address of "} + std::string{name(family)});
  }
  const Result<Address> bound = local_address(*receiver);
  if (!bound) {
    return std::unexpected(bound.error());
  }
  return Probe{family, std::move(*receiver), bound->port()};
}

Result<Flow> Probe::send_flow() const {
  const Result<UniqueFd> sender = open_socket(family_);
  if (!sender) {
    return std::unexpected(sender.error());
  }
  // Chooses the source port and the route before the clock runs.
  Address destination = loopback(family_, port_);
  if (::connect(sender->get(), destination.get(), destination.size) < 0) {
    return fail_errno(errno, "connect probe socket");
  }
  const Result<Address> source = local_address(*sender);
  if (!source) {
    return std::unexpected(source.error());
  }

  const Result<std::chrono::nanoseconds> first = timed_send(*sender, kSend);
  if (!first) {
    return std::unexpected(first.error());
  }
  // A datagram of a round that broke off, or of a stranger, may lie before ours.
  Result<Address> from = receive(receiver_);
  while (from && from->port() != source->port()) {
    from = receive(receiver_);
  }
  if (!from) {
    return std::unexpected(from.error());
  }
  if (::sendto(receiver_.get(), "!", 1, MSG_NOSIGNAL, from->get(), from->size) < 0) {
    return fail_errno(errno, "answer probe datagram");
  }
  if (const Result<Address> answer = receive(*sender); !answer) {
    return std::unexpected(answer.error());
  }

  const Result<std::chrono::nanoseconds> later = timed_send(*sender, kSend);
  if (!later) {
    return std::unexpected(later.error());
  }
  // Where it does not arrive, the next flow tells.
  std::ignore = receive(receiver_);
  return Flow{
      .first = *first, .later = *later, .source_port = source->port(), .destination_port = port_};
}

netlink::Request deletion(AddressFamily family, const Flow& flow) {
  using netlink::Request;
  const std::uint16_t source_port = htons(flow.source_port);
  const std::uint16_t destination_port = htons(flow.destination_port);
  const std::uint8_t protocol = IPPROTO_UDP;
  Request request =
      Request::nfnetlink(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, af(family));
  request.nest(CTA_TUPLE_ORIG, [&](Request& tuple) {
    tuple.nest(CTA_TUPLE_IP, [&](Request& addresses) {
      if (family == AddressFamily::ipv4) {
        const std::uint32_t address = htonl(INADDR_LOOPBACK);
        addresses.put(CTA_IP_V4_SRC, bytes_of(address)).put(CTA_IP_V4_DST, bytes_of(address));
      } else {
        addresses.put(CTA_IP_V6_SRC, bytes_of(in6addr_loopback))
            .put(CTA_IP_V6_DST, bytes_of(in6addr_loopback));
      }
    });
    tuple.nest(CTA_TUPLE_PROTO, [&](Request& ports) {
      ports.put(CTA_PROTO_NUM, bytes_of(protocol))
          .put(CTA_PROTO_SRC_PORT, bytes_of(source_port))
          .put(CTA_PROTO_DST_PORT, bytes_of(destination_port));
    });
  });
  return request;
}

}  // namespace kubecliff::traversal
