#include "exporter/http/listen_address.h"

#include <string_view>

#include <gtest/gtest.h>

namespace kubecliff::http {
namespace {

TEST(ParseListenAddress, TakesWhatPrometheusExportersTake) {
  struct Case {
    std::string_view text;
    ListenAddress expected;
  };
  const Case cases[] = {
      {":9909", {"", 9909}},
      {"127.0.0.1:9909", {"127.0.0.1", 9909}},
      {"[::1]:9909", {"::1", 9909}},
      {"[::]:0", {"::", 0}},
      {"localhost:1", {"localhost", 1}},
      {"0.0.0.0:65535", {"0.0.0.0", 65535}},
  };
  for (const Case& c : cases) {
    const auto address = parse_listen_address(c.text);
    ASSERT_TRUE(address) << c.text << ": " << address.error().message;
    EXPECT_EQ(*address, c.expected) << c.text;
  }
}

TEST(ParseListenAddress, SaysWhichAddressIsWrongAndWhatItExpected) {
  struct Case {
    std::string_view text;
    std::string_view expected;
  };
  const Case cases[] = {
      {"", "[HOST]:PORT"},
      {"9909", "[HOST]:PORT"},
      {"127.0.0.1", "[HOST]:PORT"},
      {"::1:9909", "brackets"},
      {"[::1]", "brackets"},
      {"[]:1", "between the brackets"},
      {":", "port from 0 to 65535"},
      {":65536", "port from 0 to 65535"},
      {":-1", "port from 0 to 65535"},
      {":80s", "port from 0 to 65535"},
      {":+80", "port from 0 to 65535"},
      {"a,b:1", "one address"},
      {"a b:1", "one address"},
  };
  for (const Case& c : cases) {
    const auto address = parse_listen_address(c.text);
    ASSERT_FALSE(address) << c.text;
    EXPECT_EQ(address.error().kind, ErrorKind::malformed) << c.text;
    EXPECT_NE(address.error().message.find(c.expected), std::string::npos)
        << address.error().message;
    EXPECT_NE(address.error().message.find('"' + std::string{c.text} + '"'), std::string::npos)
        << address.error().message;
  }
}

}  // namespace
}  // namespace kubecliff::http
