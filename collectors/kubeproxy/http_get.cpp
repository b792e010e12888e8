#include "collectors/kubeproxy/http_get.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "collectors/core/collector.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff::kubeproxy {
namespace {

constexpr std::size_t kPiece = std::size_t{16} << 10U;

class Connection {
 public:
  Connection(UniqueFd socket, Clock::time_point deadline)
      : socket_{std::move(socket)}, deadline_{deadline} {}

  static Result<Connection> open(const Endpoint& endpoint, Clock::time_point deadline) {
    Connection connection{UniqueFd{::socket(endpoint.address.storage.ss_family,
                                            SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)},
                          deadline};
    const int fd = connection.socket_.get();
    if (fd < 0) {
      return fail_errno(errno, "open a socket");
    }
    if (::connect(fd, endpoint.address.get(), endpoint.address.size) == 0) {
      return connection;
    }
    int error = errno;
    if (error == EINPROGRESS) {
      if (const Result<void> ready = connection.wait(POLLOUT); !ready) {
        return std::unexpected(ready.error());
      }
      socklen_t size = sizeof(error);
      ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == ECONNREFUSED) {
      return fail(ErrorKind::unavailable, error,
                  "nobody listens there (compare --collector.kubeproxy.url with kube-proxy's "
                  "metricsBindAddress; with IPv6 it is http://[::1]:10249)");
    }
    return error == 0 ? Result<Connection>{std::move(connection)} : fail_errno(error, "connect");
  }

  [[nodiscard]] Result<void> send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        text.remove_prefix(static_cast<std::size_t>(sent));
      } else if (const Result<void> waited = wait_after(errno, POLLOUT, "send"); !waited) {
        return waited;
      }
    }
    return {};
  }

  // What has come, at least one byte of it; nothing where the connection ended.
  Result<std::string_view> receive(std::array<char, kPiece>& buffer) const {
    while (true) {
      // A server that always has more must not outlast the deadline.
      if (Clock::now() >= deadline_) {
        return late();
      }
      const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (size >= 0) {
        return std::string_view{buffer.data(), static_cast<std::size_t>(size)};
      }
      if (const Result<void> waited = wait_after(errno, POLLIN, "receive"); !waited) {
        return std::unexpected(waited.error());
      }
    }
  }

 private:
  static std::unexpected<Error> late() {
    return fail(ErrorKind::timeout, "no whole answer before the deadline");
  }

  [[nodiscard]] Result<void> wait_after(int error, short events, std::string_view what) const {
    if (error == EINTR) {
      return {};
    }
    return error == EAGAIN ? wait(events) : fail_errno(error, what);
  }

  [[nodiscard]] Result<void> wait(short events) const {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    pollfd waiting{.fd = socket_.get(), .events = events, .revents = 0};
    if (left <= 0) {
      return late();
    }
    const int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) {
      return fail_errno(errno, "poll");
    }
    return ready == 0 ? late() : Result<void>{};
  }

  UniqueFd socket_;
  Clock::time_point deadline_;
};

Result<void> get(const Endpoint& endpoint, std::string_view path, const GetLimits& limits,
                 BodySink body) {
  const Result<Connection> connection = Connection::open(endpoint, Clock::now() + limits.time);
  if (!connection) {
    return std::unexpected(connection.error());
  }
  std::string request = "GET ";
  request += path;
  request += " HTTP/1.1\r\nHost: " + endpoint.authority +
             "\r\nUser-Agent: kubecliff\r\nAccept: text/plain\r\nConnection: close\r\n\r\n";
  if (Result<void> sent = connection->send(request); !sent) {
    return sent;
  }

  ResponseDecoder response{limits.body_bytes, std::move(body)};
  std::array<char, kPiece> buffer;
  while (!response.complete()) {
    const Result<std::string_view> bytes = connection->receive(buffer);
    if (!bytes) {
      return std::unexpected(bytes.error());
    }
    if (bytes->empty()) {
      return response.end();
    }
    if (Result<void> fed = response.feed(*bytes); !fed) {
      return fed;
    }
  }
  return {};
}

}  // namespace

Result<void> http_get(const Endpoint& endpoint, std::string_view path, const GetLimits& limits,
                      BodySink body) {
  Result<void> got = get(endpoint, path, limits, std::move(body));
  if (!got) {
    return prefixed("http://" + endpoint.authority + std::string{path}, std::move(got.error()));
  }
  return got;
}

}  // namespace kubecliff::kubeproxy
