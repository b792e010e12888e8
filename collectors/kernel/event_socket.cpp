#include "collectors/kernel/event_socket.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <string>

namespace kubecliff {
namespace {

// A second of 5,000 process starts, and a thread that was not let run meanwhile.
constexpr int kReceiveBuffer = 16 << 20;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kMostDatagram = 1'024;

}  // namespace

Result<EventSocket> EventSocket::open(int protocol, std::uint32_t groups,
                                      std::span<const sock_filter> filter) {
  UniqueFd fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)};
  if (!fd.valid()) {
    return fail_errno(errno, "open netlink socket");
  }
  EventSocket socket{std::move(fd)};
  if (const Result<void> filtered = socket.set_filter(filter); !filtered) {
    return std::unexpected(filtered.error());
  }
  if (::setsockopt(socket.descriptor(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer,
                   sizeof(kReceiveBuffer)) != 0) {
    return fail_errno(errno, "set size of the netlink receive buffer (needs CAP_NET_ADMIN)");
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (::bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
      0) {
    return fail_errno(errno, "join netlink group");
  }
  return socket;
}

Result<void> EventSocket::set_filter(std::span<const sock_filter> filter) const {
  // sock_fprog wants it writable and does not write.
  const sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                           .filter = const_cast<sock_filter*>(filter.data())};
  return ::setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0
             ? Result<void>{}
             : fail_errno(errno, "attach filter to netlink socket");
}

Result<void> EventSocket::send(Bytes message) const {
  return ::send(fd_.get(), message.data(), message.size(), 0) < 0
             ? fail_errno(errno, "send on netlink socket")
             : Result<void>{};
}

Result<EventSocket::Drained> EventSocket::drain(const std::function<void(Bytes)>& visit) const {
  std::array<std::array<std::byte, kMostDatagram>, kBatch> buffers;
  std::array<sockaddr_nl, kBatch> senders{};
  std::array<iovec, kBatch> parts{};
  std::array<mmsghdr, kBatch> headers{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    parts[i] = {.iov_base = buffers[i].data(), .iov_len = buffers[i].size()};
    headers[i].msg_hdr.msg_name = &senders[i];
    headers[i].msg_hdr.msg_iov = &parts[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }

  Drained drained;
  while (drained.datagrams < kMostAtOnce) {
    for (mmsghdr& header : headers) {
      header.msg_hdr.msg_namelen = sizeof(sockaddr_nl);
    }
    const int count = ::recvmmsg(fd_.get(), headers.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (count < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        break;
      }
      if (errno == EINTR) {
        continue;
      }
      if (errno == ENOBUFS) {
        drained.overrun = true;
        continue;
      }
      return fail_errno(errno, "receive on netlink socket");
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      if (senders[i].nl_pid == 0) {
        visit(Bytes{buffers[i]}.first(headers[i].msg_len));
      }
    }
    drained.datagrams += static_cast<std::size_t>(count);
    if (static_cast<std::size_t>(count) < kBatch) {
      break;
    }
  }
  return drained;
}

}  // namespace kubecliff
