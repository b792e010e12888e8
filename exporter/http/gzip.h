// gzip: whether a client takes it, and the compression itself. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kubecliff::http {

// What an Accept-Encoding header says of gzip: by name before `*`, and `q=0` is no.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);

// At zlib's fastest level: metrics shrink to a tenth at any level. Nothing where memory is short.
[[nodiscard]] std::optional<std::string> gzipped(std::string_view text);

}  // namespace kubecliff::http
