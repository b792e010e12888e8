// A client that does exactly what it is told, well-behaved or not: a socket, a deadline, and
// answers taken apart.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace kubecliff::http::test {

struct Answer {
  int status = 0;    // 0 where there was no answer
  std::string head;  // status line and headers
  std::string body;

  // Empty where there is none. `name` as the server writes it.
  [[nodiscard]] std::string header(std::string_view name) const {
    const std::string key = "\r\n" + std::string{name} + ": ";
    const std::size_t at = head.find(key);
    if (at == std::string::npos) {
      return {};
    }
    const std::size_t start = at + key.size();
    return head.substr(start, head.find("\r\n", start) - start);
  }
};

class Client {
 public:
  static constexpr std::chrono::milliseconds kPatience{10'000};

  explicit Client(std::uint16_t port) : socket_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  Client(Client&& other) noexcept
      : socket_{std::exchange(other.socket_, -1)},
        connected_{other.connected_},
        received_{std::move(other.received_)} {}
  Client& operator=(Client&&) = delete;
  ~Client() {
    if (socket_ >= 0) {
      close(socket_);
    }
  }

  [[nodiscard]] bool connected() const { return connected_; }

  // False where the server has closed the connection.
  // NOLINTNEXTLINE(readability-make-member-function-const): it changes what the server holds
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // No answer where the server closed the connection, or was silent for as long as `patience`.
  Answer receive(std::chrono::milliseconds patience = kPatience, std::string_view method = "GET") {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    std::size_t end = 0;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more(deadline)) {
        return {};
      }
    }
    Answer answer;
    answer.head = received_.substr(0, end + 2);
    answer.status = std::atoi(answer.head.c_str() + std::string_view{"HTTP/1.1 "}.size());
    received_.erase(0, end + 4);
    const std::size_t length =
        method == "HEAD" ? 0 : std::strtoul(answer.header("Content-Length").c_str(), nullptr, 10);
    while (received_.size() < length) {
      if (!read_more(deadline)) {
        return {};
      }
    }
    answer.body = received_.substr(0, length);
    received_.erase(0, length);
    return answer;
  }

  Answer get(std::string_view target, std::string_view headers = {},
             std::string_view method = "GET") {
    send(std::string{method} + ' ' + std::string{target} + " HTTP/1.1\r\nHost: test\r\n" +
         std::string{headers} + "\r\n");
    return receive(kPatience, method);
  }

  // Whether the server closes the connection within that time.
  bool closes_within(std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (read_more(deadline)) {
    }
    return closed_;
  }

 private:
  bool read_more(std::chrono::steady_clock::time_point deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd readable{.fd = socket_, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || poll(&readable, 1, static_cast<int>(left.count())) <= 0) {
      return false;
    }
    char buffer[16 * 1024];
    const ssize_t size = recv(socket_, buffer, sizeof buffer, 0);
    if (size <= 0) {
      closed_ = true;
      return false;
    }
    received_.append(buffer, static_cast<std::size_t>(size));
    return true;
  }

  int socket_;
  bool connected_ = false;
  bool closed_ = false;
  std::string received_;
};

}  // namespace kubecliff::http::test
