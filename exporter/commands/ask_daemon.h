// Asks a running daemon over HTTP, for commands that take --url.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "collectors/core/result.h"

namespace kubecliff {

// The body of `path` below `url` ("http://127.0.0.1:9909"), as far as it is answered with 200
// within `timeout` and no larger than 16 MiB. User and password may stand in the URL, and those who
// may vouch for the server in a file that SSL_CERT_FILE names. The error says what to do.
[[nodiscard]] Result<std::string> ask_daemon(std::string_view url, std::string_view path,
                                             std::chrono::milliseconds timeout);

}  // namespace kubecliff
