// What the canary writes, and what answers at its Service: whatever is taken is written back the
// same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collectors/propagation/move.h"

// NAME=VALUE, line by line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;
  using namespace kubecliff::propagation;
  std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto generation = decode_answer(text)) {
    if (decode_answer(encode_answer(*generation)) != generation) {
      std::abort();
    }
  }
  kube::Annotations annotations;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
    const std::size_t is = line.find('=');
    if (is != std::string_view::npos) {
      annotations.emplace(line.substr(0, is), line.substr(is + 1));
    }
  }
  if (const auto move = decode_move(annotations)) {
    const auto again = decode_move(encode(*move));
    if (!again || again->generation != move->generation || again->written != move->written ||
        again->service != move->service || again->turn != move->turn) {
      std::abort();
    }
  }
  return 0;
}
