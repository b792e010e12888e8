// What answers at kube-proxy's port: the same body however the bytes are cut, never more of it than
// is allowed, and never more than came.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/kubeproxy/http_response.h"

namespace {

using namespace kubecliff;
using namespace kubecliff::kubeproxy;

constexpr std::size_t kMostBody = 1'000;

std::optional<std::string> body_of(std::string_view bytes, std::size_t step) {
  std::string body;
  ResponseDecoder decoder{kMostBody, [&body](std::string_view piece) {
                            body += piece;
                            return Result<void>{};
                          }};
  while (!bytes.empty() && !decoder.complete()) {
    const std::string_view piece = bytes.substr(0, step);
    if (!decoder.feed(piece)) {
      return std::nullopt;
    }
    bytes.remove_prefix(piece.size());
  }
  return decoder.end() ? std::optional{body} : std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const auto whole = body_of(bytes, std::max<std::size_t>(size, 1));
  const auto in_bytes = body_of(bytes, 1);
  if (whole != in_bytes || (whole && whole->size() > std::min(size, kMostBody))) {
    std::abort();
  }
  return 0;
}
