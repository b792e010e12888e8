#include "tests/bench/http_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "collectors/kernel/procfs.h"

namespace kubecliff::bench {
namespace {

constexpr timeval kDeadline{.tv_sec = 10, .tv_usec = 0};

template <typename Number>
Number number_of(std::string_view text, int base = 10) {
  const auto number = parse_number<Number>(text, base);
  if (!number) {
    throw std::runtime_error{"HTTP: not a number: " + std::string{text}};
  }
  return *number;
}

// The value where the line is that header, whatever the case of its name.
std::optional<std::string_view> header_value(std::string_view line, std::string_view name) {
  const auto same = [](unsigned char one, unsigned char other) {
    return std::tolower(one) == std::tolower(other);
  };
  if (line.size() <= name.size() || line[name.size()] != ':' ||
      !std::ranges::equal(line.substr(0, name.size()), name, same)) {
    return std::nullopt;
  }
  line.remove_prefix(name.size() + 1);
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return line;
}

}  // namespace

std::optional<HttpConnection> HttpConnection::open(std::uint16_t port) {
  UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!socket.valid()) {
    throw std::system_error{errno, std::generic_category(), "socket"};
  }
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kDeadline, sizeof(kDeadline));

  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // The sockets API takes every address as a sockaddr.
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return std::nullopt;
  }
  return HttpConnection{std::move(socket)};
}

HttpAnswer HttpConnection::get(std::string_view target, std::string_view headers) {
  const std::string request = "GET " + std::string{target} + " HTTP/1.1\r\nHost: localhost\r\n" +
                              std::string{headers} + "\r\n";
  if (::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    throw std::system_error{errno, std::generic_category(), "send an HTTP request"};
  }

  // "HTTP/1.1 200 OK"
  HttpAnswer answer{.status = number_of<int>(read_line().substr(9, 3)), .body = {}};
  std::size_t length = 0;
  bool chunked = false;
  for (std::string_view line = read_line(); !line.empty(); line = read_line()) {
    if (const auto value = header_value(line, "Content-Length")) {
      length = number_of<std::size_t>(*value);
    }
    chunked |= header_value(line, "Transfer-Encoding") == "chunked";
  }
  if (chunked) {
    while ((length = number_of<std::size_t>(read_line(), 16)) > 0) {
      read_bytes(length, answer.body);
      (void)read_line();
    }
    (void)read_line();
  } else {
    read_bytes(length, answer.body);
  }
  return answer;
}

// Without its end; valid until the next read.
std::string_view HttpConnection::read_line() {
  std::size_t end = 0;
  while ((end = received_.find("\r\n", at_)) == std::string::npos) {
    receive();
  }
  const std::string_view line = std::string_view{received_}.substr(at_, end - at_);
  at_ = end + 2;
  return line;
}

void HttpConnection::read_bytes(std::size_t count, std::string& into) {
  while (received_.size() - at_ < count) {
    receive();
  }
  into.append(received_, at_, count);
  at_ += count;
}

void HttpConnection::receive() {
  if (at_ == received_.size()) {
    received_.clear();
    at_ = 0;
  }
  std::array<char, 65'536> piece{};
  const ssize_t got = ::recv(socket_.get(), piece.data(), piece.size(), 0);
  if (got <= 0) {
    throw std::system_error{got == 0 ? ECONNRESET : errno, std::generic_category(),
                            "receive an HTTP answer"};
  }
  received_.append(piece.data(), static_cast<std::size_t>(got));
}

std::optional<double> series_value(std::string_view text, std::string_view series) {
  const std::string line = "\n" + std::string{series} + " ";
  const std::size_t at = text.find(line);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t value_at = at + line.size();
  const std::string value{text.substr(value_at, text.find('\n', value_at) - value_at)};
  return std::strtod(value.c_str(), nullptr);
}

}  // namespace kubecliff::bench
