#include "exporter/simulate/traffic.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "collectors/traversal/probe.h"
#include "exporter/simulate/services.h"

namespace kubecliff::simulate {
namespace {

constexpr std::string_view kSend = "send a datagram to a Service";

// What goes over the loopback device has arrived when the call returns, but for a busy machine,
// where the kernel leaves it to a thread of its own.
constexpr timeval kPatience{.tv_sec = 3, .tv_usec = 0};
constexpr std::uint16_t kServicePort = 80;
constexpr int kBacklog = 128;
// A pod that no Service has for an endpoint: the last address of pod_cidr().
constexpr const char* kClient = "100.127.255.254";
constexpr std::uint32_t kPods = 0x64'40'00'00;
constexpr std::uint32_t kPodMask = 0xff'c0'00'00;

sockaddr_in address_of(in_addr_t address, std::uint16_t port) {
  sockaddr_in socket_address{};
  socket_address.sin_family = AF_INET;
  socket_address.sin_port = htons(port);
  socket_address.sin_addr.s_addr = address;
  return socket_address;
}

sockaddr* generic(sockaddr_in& address) {
  return reinterpret_cast<sockaddr*>(&address);
}

Result<UniqueFd> open_socket(int type) {
  UniqueFd socket{::socket(AF_INET, type | SOCK_CLOEXEC, 0)};
  if (!socket.valid()) {
    return fail_errno(errno, "open a socket for traffic");
  }
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    if (::setsockopt(socket.get(), SOL_SOCKET, option, &kPatience, sizeof(kPatience)) < 0) {
      return fail_errno(errno, "set patience of a socket for traffic");
    }
  }
  return socket;
}

// At the port of all endpoints.
Result<UniqueFd> open_endpoint(int type) {
  auto socket = open_socket(type);
  if (!socket) {
    return socket;
  }
  sockaddr_in any = address_of(htonl(INADDR_ANY), kEndpointPort);
  if (::bind(socket->get(), generic(any), sizeof(any)) < 0) {
    return fail_errno(errno, "bind to the port of endpoints");
  }
  return socket;
}

// From the pod, by a free port, to the Service; no packet yet of UDP.
Result<UniqueFd> open_client(int type, const std::string& cluster_ip) {
  auto socket = open_socket(type);
  if (!socket) {
    return socket;
  }
  const int late = 1;
  sockaddr_in client = address_of(::inet_addr(kClient), 0);
  sockaddr_in service = address_of(::inet_addr(cluster_ip.c_str()), kServicePort);
  if ((type == SOCK_STREAM &&
       ::setsockopt(socket->get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof(late)) < 0) ||
      ::bind(socket->get(), generic(client), sizeof(client)) < 0) {
    return fail_errno(errno, "bind to the address of a pod");
  }
  if (::connect(socket->get(), generic(service), sizeof(service)) < 0) {
    return fail_errno(errno, "connect to the Service at " + cluster_ip);
  }
  return socket;
}

// Takes in the datagram and answers it from the address to which it came.
Result<void> answer(const UniqueFd& receiver) {
  char byte = 0;
  iovec data{.iov_base = &byte, .iov_len = sizeof(byte)};
  sockaddr_in from{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in_pktinfo))> control{};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof(from);
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(receiver.get(), &message, 0) < 0) {
    return fail(ErrorKind::unavailable, errno, "no datagram came through the rules");
  }
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  in_pktinfo info{};
  if (header == nullptr || header->cmsg_type != IP_PKTINFO) {
    return fail(ErrorKind::internal, "the kernel does not say where a datagram went");
  }
  std::memcpy(&info, CMSG_DATA(header), sizeof(info));
  if ((ntohl(info.ipi_addr.s_addr) & kPodMask) != kPods) {
    return fail(ErrorKind::unavailable, "a datagram passed the rules and was not translated");
  }
  // The device it goes out by, the kernel finds.
  info.ipi_ifindex = 0;
  info.ipi_spec_dst = info.ipi_addr;
  std::memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &info, sizeof(info));
  if (::sendmsg(receiver.get(), &message, MSG_NOSIGNAL) < 0) {
    return fail_errno(errno, "answer a datagram");
  }
  return {};
}

}  // namespace

Result<Traffic> Traffic::open() {
  auto receiver = open_endpoint(SOCK_DGRAM);
  auto listener = open_endpoint(SOCK_STREAM);
  if (!receiver || !listener) {
    return std::unexpected(receiver ? listener.error() : receiver.error());
  }
  const int on = 1;
  if (::setsockopt(receiver->get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0 ||
      ::listen(listener->get(), kBacklog) < 0) {
    return fail_errno(errno, "listen at the port of endpoints");
  }
  return Traffic{std::move(*receiver), std::move(*listener)};
}

Result<FlowCost> Traffic::send_flow(const std::string& cluster_ip) const {
  const auto client = open_client(SOCK_DGRAM, cluster_ip);
  if (!client) {
    return std::unexpected(client.error());
  }
  const auto first = traversal::timed_send(*client, kSend);
  if (!first) {
    return std::unexpected(first.error());
  }
  if (const auto answered = answer(receiver_); !answered) {
    return std::unexpected(answered.error());
  }
  char byte = 0;
  if (::recv(client->get(), &byte, sizeof(byte), 0) < 0) {
    return fail(ErrorKind::unavailable, errno, "an endpoint's answer did not come back");
  }
  const auto later = traversal::timed_send(*client, kSend);
  if (!later) {
    return std::unexpected(later.error());
  }
  std::ignore = ::recv(receiver_.get(), &byte, sizeof(byte), 0);
  return FlowCost{.first = *first, .later = *later};
}

Result<void> Traffic::connect(const std::string& cluster_ip) const {
  const auto client = open_client(SOCK_STREAM, cluster_ip);
  if (!client) {
    return std::unexpected(client.error());
  }
  const UniqueFd accepted{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  if (!accepted.valid()) {
    return fail(ErrorKind::unavailable, errno, "no connection came through the rules");
  }
  return {};
}

}  // namespace kubecliff::simulate
