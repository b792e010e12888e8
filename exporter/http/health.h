// Asks a server of ours whether it serves.
//
// By hand, on OpenSSL, which is linked anyway: libcurl would bring thirty libraries along each
// time, and a health check comes every few seconds, out of what the daemon itself may use.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "collectors/core/result.h"
#include "exporter/http/listen_address.h"
#include "exporter/http/web_config.h"

namespace kubecliff::http {

// Of /-/healthy, where a server that listens on `address` is to be asked; that is the loopback
// where it listens on every address.
[[nodiscard]] std::string health_url(const ListenAddress& address,
                                     const std::optional<TlsConfig>& tls);

// Succeeds where it answers 200, or 401, 403 or 429, which are for others to get past; and where it
// asks for a client certificate that `tls` says it requires. Its own certificate is not verified:
// it is this machine's, and may be for other names. Errors: unavailable (nobody listens), timeout
// (silent for `limit`), torn, malformed, internal; the message says what happened and what to do.
[[nodiscard]] Result<void> ask_health(const ListenAddress& address,
                                      const std::optional<TlsConfig>& tls,
                                      std::chrono::milliseconds limit);

}  // namespace kubecliff::http
