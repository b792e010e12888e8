#include "tests/integration/conntrack/traffic.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

int checked(int result, const char* what) {
  if (result < 0) {
    throw std::system_error{errno, std::generic_category(), what};
  }
  return result;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

UniqueFd make_socket(int type, int protocol = 0) {
  return UniqueFd{checked(::socket(AF_INET, type | SOCK_CLOEXEC, protocol), "socket")};
}

UniqueFd bound_socket(int type) {
  UniqueFd socket = make_socket(type);
  const sockaddr_in any = loopback(0);
  checked(::bind(socket.get(), generic(any), sizeof(any)), "bind");
  return socket;
}

sockaddr_in address_of(const UniqueFd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  checked(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  return address;
}

void send_byte(const UniqueFd& socket, const sockaddr_in& to) {
  checked(static_cast<int>(::sendto(socket.get(), "?", 1, 0, generic(to), sizeof(to))), "sendto");
}

void receive_byte(const UniqueFd& socket) {
  char byte = 0;
  checked(static_cast<int>(::recv(socket.get(), &byte, 1, 0)), "recv");
}

// Waits for the other end's close.
void receive_end(const UniqueFd& socket) {
  char byte = 0;
  if (checked(static_cast<int>(::recv(socket.get(), &byte, 1, 0)), "recv") != 0) {
    throw std::runtime_error{"expected the end of the stream"};
  }
}

}  // namespace

void switch_tracking_on() {
  const auto loaded = nft({"-f", "-"},
                          "table inet tracking {\n"
                          "  chain output {\n"
                          "    type filter hook output priority 0;\n"
                          "    ct state new counter\n"
                          "  }\n"
                          "  chain postrouting {\n"
                          "    type filter hook postrouting priority 0;\n"
                          "    tcp dport 7 oif lo mark set 7\n"
                          "  }\n"
                          "  chain input {\n"
                          "    type filter hook input priority 0;\n"
                          "    meta mark 7 drop\n"
                          "  }\n"
                          "}\n");
  if (!loaded) {
    throw std::runtime_error{loaded.error().message};
  }
}

TcpConnection connect_tcp() {
  const UniqueFd listener = bound_socket(SOCK_STREAM);
  checked(::listen(listener.get(), 1), "listen");
  const sockaddr_in address = address_of(listener);
  UniqueFd client = make_socket(SOCK_STREAM);
  checked(::connect(client.get(), generic(address), sizeof(address)), "connect");
  UniqueFd server{checked(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept")};
  return {std::move(client), std::move(server)};
}

void connect_and_close_tcp() {
  const TcpConnection connection = connect_tcp();
  checked(::shutdown(connection.client.get(), SHUT_WR), "shutdown");
  receive_end(connection.server);
  checked(::shutdown(connection.server.get(), SHUT_WR), "shutdown");
  receive_end(connection.client);
}

UniqueFd connect_tcp_to_blackhole() {
  UniqueFd client = make_socket(SOCK_STREAM | SOCK_NONBLOCK);
  const sockaddr_in address = loopback(kBlackholePort);
  if (::connect(client.get(), generic(address), sizeof(address)) == 0 || errno != EINPROGRESS) {
    throw std::runtime_error{"a connection to the black hole must wait"};
  }
  return client;
}

void connect_and_reset_tcp() {
  TcpConnection connection = connect_tcp();
  const linger abort{.l_onoff = 1, .l_linger = 0};
  checked(::setsockopt(connection.client.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof(abort)),
          "SO_LINGER");
  connection.client.reset();
}

void send_udp() {
  const UniqueFd server = bound_socket(SOCK_DGRAM);
  const UniqueFd client = make_socket(SOCK_DGRAM);
  send_byte(client, address_of(server));
  receive_byte(server);
}

void exchange_udp() {
  const UniqueFd server = bound_socket(SOCK_DGRAM);
  const UniqueFd client = bound_socket(SOCK_DGRAM);
  send_byte(client, address_of(server));
  receive_byte(server);
  send_byte(server, address_of(client));
  receive_byte(client);
}

int send_udp_flows(int count) {
  const UniqueFd client = make_socket(SOCK_DGRAM);
  int refused = 0;
  for (int i = 1; i <= count; ++i) {
    sockaddr_in to = loopback(9);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(i));
    if (::sendto(client.get(), "?", 1, 0, generic(to), sizeof(to)) < 0) {
      ++refused;
    }
  }
  return refused;
}

void ping() {
  const UniqueFd socket = make_socket(SOCK_RAW, IPPROTO_ICMP);
  icmphdr request{};
  request.type = ICMP_ECHO;
  request.un.echo.id = htons(7);
  // The only field that is not zero beside type and checksum.
  request.checksum = static_cast<std::uint16_t>(~(htons(ICMP_ECHO << 8U) + htons(7)));
  const sockaddr_in address = loopback(0);
  checked(static_cast<int>(::sendto(socket.get(), &request, sizeof(request), 0, generic(address),
                                    sizeof(address))),
          "ping");
  // The request itself comes back first, from loopback.
  std::array<char, 128> packet{};
  checked(static_cast<int>(::recv(socket.get(), packet.data(), packet.size(), 0)), "recv");
  checked(static_cast<int>(::recv(socket.get(), packet.data(), packet.size(), 0)), "recv");
}

}  // namespace kubecliff::test
