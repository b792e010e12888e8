#include "exporter/http/gzip.h"

#include <zlib.h>

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace kubecliff::http {
namespace {

std::string gunzipped(std::string_view compressed, std::size_t size) {
  std::string text(size + 1, '\0');
  z_stream stream{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

TEST(AcceptsGzip, FollowsTheClientsWords) {
  struct Case {
    std::string_view header;
    bool expected;
  };
  const Case cases[] = {
      {"", false},
      {"gzip", true},
      {"GZIP", true},
      {"x-gzip", true},
      {"deflate, gzip;q=1.0, *;q=0.5", true},
      {"br, deflate", false},
      {"gzip;q=0", false},
      {"gzip; q=0.000", false},
      {"gzip;q=0.001", true},
      {"*", true},
      {"*;q=0", false},
      {"*, gzip;q=0", false},
      {"gzip;q=0, *", false},
      {"*;q=0, gzip", true},
      {"identity", false},
      {"gzipped", false},
      {"gzip;q=nonsense", false},
      {"gzip;q=1.5", false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(accepts_gzip(c.header), c.expected) << c.header;
  }
}

TEST(Gzipped, ComesBackAsItWas) {
  std::string random;
  unsigned state = 1;
  for (int i = 0; i < 100'000; ++i) {
    state = state * 1'664'525 + 1'013'904'223;
    random += static_cast<char>(state >> 24);
  }
  for (const std::string& text :
       {std::string{}, std::string{"x"}, std::string(200'000, 'm'), random}) {
    EXPECT_EQ(gunzipped(gzipped(text).value_or(""), text.size()), text);
  }
}

}  // namespace
}  // namespace kubecliff::http
