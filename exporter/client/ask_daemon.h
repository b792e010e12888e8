// Asks a running daemon over HTTP, for commands that take --url.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "collectors/core/result.h"

namespace kubecliff {

struct DaemonAnswer {
  long status = 0;  // NOLINT(google-runtime-int): as libcurl has it
  std::string body;
};

// Malformed where it can be none of a daemon's.
[[nodiscard]] Result<void> check_daemon_url(std::string_view url);

// What is at `path` below `url` ("http://127.0.0.1:9909"), whatever its status, within `timeout`
// and no larger than 16 MiB. User and password may stand in the URL, and those who may vouch for
// the server in a file that SSL_CERT_FILE names.
[[nodiscard]] Result<DaemonAnswer> ask_daemon(std::string_view url, std::string_view path,
                                              std::chrono::milliseconds timeout);

// The body of an answer of status 200. The error says what to do about another.
[[nodiscard]] Result<std::string> body_of(Result<DaemonAnswer> answer);

}  // namespace kubecliff
