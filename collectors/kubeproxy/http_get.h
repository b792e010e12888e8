// One HTTP GET over a connection of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "collectors/core/result.h"
#include "collectors/kubeproxy/endpoint.h"
#include "collectors/kubeproxy/http_response.h"

namespace kubecliff::kubeproxy {

struct GetLimits {
  std::size_t body_bytes = 0;
  std::chrono::milliseconds time{};  // for all of it
};

// Hands the body of a 200 response to `body` as it comes. Errors: unavailable (nobody listens, or
// another status), timeout, torn (the connection ended before the body did), malformed, or the
// sink's own; the message names the URL. What the sink got before an error is not to be trusted.
[[nodiscard]] Result<void> http_get(const Endpoint& endpoint, std::string_view path,
                                    const GetLimits& limits, BodySink body);

}  // namespace kubecliff::kubeproxy
