#include "exporter/client/ask_daemon.h"

#include <poll.h>

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <optional>
#include <tuple>

#include "collectors/curl/transfers.h"
#include "collectors/kernel/poller.h"

namespace kubecliff {
namespace {

constexpr std::size_t kMostBytes = 16UL << 20U;

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr ? "" : value;
}

// Two addresses become one.
std::string joined(std::string_view url, std::string_view path) {
  while (url.ends_with('/')) {
    url.remove_suffix(1);
  }
  return std::string{url} + std::string{path};
}

Result<DaemonAnswer> get(const curl::Request& request) {
  Poller poller;
  auto transfers = curl::Transfers::open(poller);
  if (!transfers) {
    return std::unexpected(transfers.error());
  }
  std::string body;
  bool too_long = false;
  std::optional<Result<curl::Transfers::Status>> end;
  (*transfers)
      ->start(
          request,
          [&](curl::Transfers::Status /*status*/, std::string_view piece) {
            too_long = body.size() + piece.size() > kMostBytes;
            body += too_long ? std::string_view{} : piece;
            return !too_long;
          },
          [&](const Result<curl::Transfers::Status>& status) { end = status; });
  while (!end) {
    pollfd ready{.fd = poller.descriptor(), .events = POLLIN, .revents = 0};
    std::ignore = ::poll(&ready, 1, -1);  // the transfer has a deadline of its own
    poller.dispatch();
  }
  if (too_long) {
    return fail(ErrorKind::malformed, "it answers more than 16 MiB");
  }
  if (!*end) {
    return std::unexpected(end->error());
  }
  return DaemonAnswer{.status = **end, .body = std::move(body)};
}

}  // namespace

Result<void> check_daemon_url(std::string_view url) {
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    return fail(ErrorKind::malformed,
                "--url: expected an address such as http://127.0.0.1:9909, got \"" +
                    std::string{url} + '"');
  }
  return {};
}

Result<DaemonAnswer> ask_daemon(std::string_view url, std::string_view path,
                                std::chrono::milliseconds timeout) {
  if (const auto right = check_daemon_url(url); !right) {
    return std::unexpected(right.error());
  }
  try {
    auto answer = get({.url = joined(url, path),
                       .ca_file = environment("SSL_CERT_FILE"),
                       .timeout = timeout,
                       .name = "the daemon"});
    return answer ? std::move(answer) : prefixed("--url", answer.error());
  } catch (const std::exception& error) {
    return fail(ErrorKind::internal, std::string{"--url: "} + error.what());
  }
}

Result<std::string> body_of(Result<DaemonAnswer> answer) {
  if (!answer) {
    return std::unexpected(answer.error());
  }
  switch (answer->status) {
    case 200:
      return std::move(answer->body);
    case 401:
    case 403:
      return fail(ErrorKind::denied, "--url: it answers " + std::to_string(answer->status) +
                                         ": give a user, as in http://USER:PASSWORD@HOST:9909");
    case 404:
      return fail(ErrorKind::unavailable,
                  "--url: it answers 404: an older kubecliff, or somebody else's port");
    default:
      return fail(ErrorKind::unavailable,
                  "--url: it answers " + std::to_string(answer->status) + ", expected 200");
  }
}

}  // namespace kubecliff
