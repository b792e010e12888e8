#include "exporter/http/gzip.h"

#include <zlib.h>

#include <limits>

#include "exporter/http/ascii.h"
#include "exporter/http/preferences.h"

namespace kubecliff::http {

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  for (const Preference& preference : parse_preferences(accept_encoding)) {
    if (ascii_iequal(preference.value, "gzip") || ascii_iequal(preference.value, "x-gzip")) {
      return preference.quality > 0;
    }
    if (preference.value == "*") {
      any = preference.quality > 0;
    }
  }
  return any;
}

std::optional<std::string> gzipped(std::string_view text) {
  constexpr int kGzipWindow = 16 + MAX_WBITS;  // + 16: a gzip header and trailer, not zlib's
  constexpr int kMemory = 8;                   // zlib's default
  if (text.size() > std::numeric_limits<uInt>::max()) {
    return std::nullopt;
  }

  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return std::nullopt;
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  // zlib does not write to its input; z_const is empty unless the library was built otherwise.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int finished = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);

  if (finished != Z_STREAM_END) {
    return std::nullopt;
  }
  return out;
}

}  // namespace kubecliff::http
