#include "exporter/alerting/delivery/secret.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "collectors/kernel/procfs.h"

namespace kubecliff::delivery {
namespace {

constexpr std::size_t kMostBytesOfSecret = std::size_t{64} << 10U;

Result<std::string> read_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nothing sets it
  if (value == nullptr) {
    return fail(ErrorKind::unavailable, "the environment has no " + name);
  }
  return value;
}

}  // namespace

Result<std::string> Secret::read() const {
  auto text = file.empty() ? read_variable(variable) : read_file(file, kMostBytesOfSecret);
  if (!text) {
    return text;
  }
  text->erase(text->find_last_not_of(" \t\r\n") + 1);
  const bool fits = std::ranges::all_of(
      *text, [](char byte) { return static_cast<unsigned char>(byte) >= ' ' && byte != '\x7F'; });
  if (text->empty() || !fits) {
    return fail(ErrorKind::malformed, (file.empty() ? variable : file.string()) +
                                          ": expected one line with a secret, got " +
                                          (text->empty() ? "nothing" : "something else"));
  }
  return text;
}

}  // namespace kubecliff::delivery
