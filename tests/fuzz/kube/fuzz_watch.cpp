// What an API server sends: the same events however the stream is cut, and no answer of one kind is
// taken for another.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/kube/endpoint_slice.h"
#include "collectors/kube/lines.h"

namespace {

using namespace kubecliff::kube;

std::vector<std::string> versions_of(std::string_view stream, std::size_t step) {
  std::vector<std::string> versions;
  Lines lines;
  while (!stream.empty()) {
    const std::string_view piece = stream.substr(0, step);
    if (!lines.feed(piece, [&](std::string_view line) {
          const auto event = decode_watch_event(line);
          versions.push_back(event ? event->slice.resource_version : "-");
          return event.has_value();
        })) {
      break;
    }
    stream.remove_prefix(piece.size());
  }
  return versions;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  if (versions_of(bytes, size) != versions_of(bytes, 3)) {
    std::abort();
  }
  (void)decode_discovery(bytes);
  const auto slice = decode_slice(bytes);
  if (slice && slice->resource_version.empty()) {
    std::abort();
  }
  (void)decode_slice_list(bytes);
  return 0;
}
