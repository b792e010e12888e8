#include "exporter/commands/ask_daemon.h"

#include <poll.h>

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>

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

Result<void> judge(curl::Transfers::Status status) {
  switch (status) {
    case 200:
      return {};
    case 401:
    case 403:
      return fail(ErrorKind::denied, "it answers " + std::to_string(status) +
                                         ": give a user, as in http://USER:PASSWORD@HOST:9909");
    case 404:
      return fail(ErrorKind::unavailable,
                  "it answers 404: an older kubecliff, or somebody else's port");
    default:
      return fail(ErrorKind::unavailable,
                  "it answers " + std::to_string(status) + ", expected 200");
  }
}

Result<std::string> get(const curl::Request& request) {
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
  if (const auto judged = judge(**end); !judged) {
    return std::unexpected(judged.error());
  }
  return body;
}

}  // namespace

Result<std::string> ask_daemon(std::string_view url, std::string_view path,
                               std::chrono::milliseconds timeout) {
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    return fail(ErrorKind::malformed,
                "--url: expected an address such as http://127.0.0.1:9909, got \"" +
                    std::string{url} + '"');
  }
  try {
    auto body = get({.url = joined(url, path),
                     .ca_file = environment("SSL_CERT_FILE"),
                     .timeout = timeout,
                     .name = "the daemon"});
    return body ? std::move(body) : prefixed("--url", body.error());
  } catch (const std::exception& error) {
    return fail(ErrorKind::internal, std::string{"--url: "} + error.what());
  }
}

}  // namespace kubecliff
