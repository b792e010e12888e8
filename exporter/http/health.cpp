#include "exporter/http/health.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "exporter/http/tls.h"

namespace kubecliff::http {
namespace {

using namespace std::chrono_literals;
using Time = std::chrono::steady_clock;

constexpr std::string_view kPath = "/-/healthy";
// HTTP/1.1 and three digits.
constexpr std::size_t kStatusEnd = 12;

struct FreeBio {
  void operator()(BIO* bio) const { ::BIO_free_all(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

std::string host_to_ask(const ListenAddress& address) {
  if (address.host.empty() || address.host == "0.0.0.0") {
    return "127.0.0.1";
  }
  return address.host == "::" ? "::1" : address.host;
}

// What one call may wait for from now on.
void allow(BIO* connection, Time::time_point deadline) {
  // Zero would be for ever.
  const auto left = std::max<std::chrono::microseconds>(
      std::chrono::duration_cast<std::chrono::microseconds>(deadline - Time::now()), 1us);
  const timeval time{.tv_sec = left / 1s, .tv_usec = (left % 1s).count()};
  const auto socket = static_cast<int>(BIO_get_fd(connection, nullptr));
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

std::unexpected<Error> late() {
  return fail(ErrorKind::timeout, "no answer in time: it hangs, or gets no CPU time");
}

Result<Bio> connect_to(const ListenAddress& address, Time::time_point deadline) {
  const std::string host = host_to_ask(address);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int failed =
          ::getaddrinfo(host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
      failed != 0) {
    return fail(ErrorKind::unavailable, ::gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, FreeAddresses> first{list};

  const int socket = ::socket(first->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) {
    return fail_errno(errno, "socket");
  }
  Bio connection{::BIO_new_socket(socket, BIO_CLOSE)};
  allow(connection.get(), deadline);
  if (::connect(socket, first->ai_addr, first->ai_addrlen) == 0) {
    return connection;
  }
  if (errno == EINPROGRESS) {
    return late();
  }
  if (errno == ECONNREFUSED) {
    return fail(ErrorKind::unavailable, ECONNREFUSED,
                "nobody listens there: start kubecliff, or give the options that it runs with");
  }
  return fail_errno(errno, "connect");
}

// After a call of OpenSSL's that did not do what it should.
std::unexpected<Error> broken(BIO* connection) {
  if (BIO_should_retry(connection)) {
    return late();
  }
  const char* const reason = ::ERR_reason_error_string(::ERR_peek_last_error());
  ::ERR_clear_error();
  return fail(ErrorKind::torn, std::string{"it ended the connection"} +
                                   (reason == nullptr ? "" : std::string{" ("} + reason + ")") +
                                   ": is that kubecliff, with this --web.config.file?");
}

bool requires_certificate(const TlsConfig& tls) {
  return tls.client_auth == ClientAuth::require_any ||
         tls.client_auth == ClientAuth::require_and_verify;
}

// The status line as far as the status.
Result<std::string> ask(BIO* connection) {
  const std::string request = "GET " + std::string{kPath} +
                              " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: kubecliff\r\n"
                              "Connection: close\r\n\r\n";
  if (::BIO_write(connection, request.data(), static_cast<int>(request.size())) <= 0) {
    return broken(connection);
  }
  std::array<char, kStatusEnd> piece{};
  std::string line;
  while (line.size() < kStatusEnd) {
    const int size =
        ::BIO_read(connection, piece.data(), static_cast<int>(kStatusEnd - line.size()));
    if (size <= 0) {
      return broken(connection);
    }
    line.append(piece.data(), static_cast<std::size_t>(size));
  }
  return line;
}

Result<void> judge(std::string_view line) {
  const std::string_view status = line.substr(line.size() - 3);
  if (!line.starts_with("HTTP/1.1 ")) {
    return fail(ErrorKind::malformed, "it does not answer in HTTP/1.1: is that kubecliff?");
  }
  if (status != "200" && status != "401" && status != "403" && status != "429") {
    return fail(ErrorKind::malformed,
                "it answers " + std::string{status} + ", expected 200: is that kubecliff?");
  }
  return {};
}

Result<void> try_health(const ListenAddress& address, const std::optional<TlsConfig>& tls,
                        Time::time_point deadline) {
  auto connected = connect_to(address, deadline);
  if (!connected) {
    return std::unexpected(connected.error());
  }
  Bio connection = std::move(*connected);
  SslContext context;
  bool asked = false;  // for a certificate of ours
  if (tls) {
    context.reset(::SSL_CTX_new(::TLS_client_method()));
    ::SSL_CTX_set_cert_cb(
        context.get(),
        [](SSL* /*connection*/, void* of_whom) {
          *static_cast<bool*>(of_whom) = true;
          return 1;
        },
        &asked);
    connection.reset(::BIO_push(::BIO_new_ssl(context.get(), 1), connection.release()));
    allow(connection.get(), deadline);
    const bool shaken = BIO_do_handshake(connection.get()) == 1;
    if (asked && requires_certificate(*tls)) {
      return {};
    }
    if (!shaken) {
      return broken(connection.get());
    }
  }
  allow(connection.get(), deadline);
  const auto line = ask(connection.get());
  return line ? judge(*line) : std::unexpected(line.error());
}

}  // namespace

std::string health_url(const ListenAddress& address, const std::optional<TlsConfig>& tls) {
  const std::string host = host_to_ask(address);
  return (tls ? "https://" : "http://") +
         (host.find(':') == std::string::npos ? host : '[' + host + ']') + ':' +
         std::to_string(address.port) + std::string{kPath};
}

Result<void> ask_health(const ListenAddress& address, const std::optional<TlsConfig>& tls,
                        std::chrono::milliseconds limit) {
  Result<void> asked = try_health(address, tls, Time::now() + limit);
  if (!asked) {
    return prefixed(health_url(address, tls), std::move(asked.error()));
  }
  return asked;
}

}  // namespace kubecliff::http
