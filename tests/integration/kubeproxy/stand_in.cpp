#include "tests/integration/kubeproxy/stand_in.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <utility>

namespace kubecliff::test {
namespace {

constexpr int kLookMs = 20;

bool send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool readable(int socket) {
  pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, kLookMs) > 0;
}

}  // namespace

StandIn::StandIn(Family family, std::uint16_t port)
    : family_{family},
      listener_{
          ::socket(family == Family::ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  // The port stands at the same place in both.
  sockaddr_in6 address{};
  socklen_t size = sizeof(address);
  if (family == Family::ipv4) {
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(&address, &ipv4, sizeof(ipv4));
    size = sizeof(ipv4);
  } else {
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
  }
  address.sin6_port = htons(port);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  constexpr int kOn = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &kOn, sizeof(kOn));
  if (::bind(listener_.get(), generic, size) == 0 && ::listen(listener_.get(), 8) == 0 &&
      ::getsockname(listener_.get(), generic, &size) == 0) {
    port_ = ntohs(address.sin6_port);
    thread_ = std::thread{[this] { serve(); }};
  }
}

StandIn::~StandIn() {
  stopping_ = true;
  if (thread_.joinable()) {
    thread_.join();
  }
}

void StandIn::answer(const std::string& path, Answer answer) {
  const std::lock_guard lock{mutex_};
  answers_[path] = std::move(answer);
}

void StandIn::serve() const {
  while (!stopping_) {
    if (readable(listener_.get())) {
      const UniqueFd socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
      serve_one(socket.get());
    }
  }
}

void StandIn::serve_one(int socket) const {
  std::string request;
  std::array<char, 4'096> buffer;
  while (!stopping_ && !request.ends_with("\r\n\r\n")) {
    if (!readable(socket)) {
      continue;
    }
    const ssize_t size = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (size <= 0) {
      return;
    }
    request.append(buffer.data(), static_cast<std::size_t>(size));
  }
  Answer answer = bytes("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  {
    const std::lock_guard lock{mutex_};
    for (const auto& [path, known] : answers_) {
      if (request.starts_with("GET " + path + " HTTP/1.1\r\n")) {
        answer = known;
      }
    }
  }
  answer(*this, socket);
}

StandIn::Answer StandIn::text(std::string body) {
  std::string response =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
      "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
  constexpr std::size_t kChunk = 2'048;
  for (std::string_view rest{body}; !rest.empty();
       rest.remove_prefix(std::min(kChunk, rest.size()))) {
    const std::string_view chunk = rest.substr(0, kChunk);
    std::array<char, 16> digits{};
    const char* const end =
        std::to_chars(digits.data(), digits.data() + digits.size(), chunk.size(), 16).ptr;
    response.append(std::string_view{digits.data(), end})
        .append("\r\n")
        .append(chunk)
        .append("\r\n");
  }
  return bytes(response + "0\r\n\r\n");
}

StandIn::Answer StandIn::bytes(std::string raw) {
  return [raw = std::move(raw)](const StandIn&, int socket) { send_all(socket, raw); };
}

StandIn::Answer StandIn::stalls_after(std::string raw) {
  return [raw = std::move(raw)](const StandIn& self, int socket) {
    send_all(socket, raw);
    // Readable is what ended.
    while (!self.stopping_ && !readable(socket)) {
    }
  };
}

StandIn::Answer StandIn::endless(std::string text) {
  return [text = std::move(text)](const StandIn& self, int socket) {
    bool open = send_all(socket, "HTTP/1.1 200 OK\r\n\r\n");
    while (!self.stopping_ && open) {
      open = send_all(socket, text);
    }
  };
}

}  // namespace kubecliff::test
