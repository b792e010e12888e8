#include "collectors/kubeproxy/http_response.h"

#include <cstddef>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace kubecliff::kubeproxy {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kMost = 1'000;

// The body of a whole connection's bytes, fed `step` bytes at a time.
Result<std::string> body_of(std::string_view bytes, std::size_t step) {
  std::string body;
  ResponseDecoder decoder{kMost, [&body](std::string_view piece) {
                            body += piece;
                            return Result<void>{};
                          }};
  for (; !bytes.empty() && !decoder.complete(); bytes.remove_prefix(std::min(step, bytes.size()))) {
    if (const Result<void> fed = decoder.feed(bytes.substr(0, step)); !fed) {
      return std::unexpected(fed.error());
    }
  }
  if (const Result<void> ended = decoder.end(); !ended) {
    return std::unexpected(ended.error());
  }
  return body;
}

const std::string ok_head = "HTTP/1.1 200 OK\r\n";

TEST(HttpResponse, BodyIsTheSameHoweverItIsFramedAndCut) {
  const std::string chunked = ok_head +
                              "Content-Type: text/plain\r\ntransfer-encoding:  chunked \r\n\r\n"
                              "5\r\nhello\r\n1;name=value\r\n \r\n5\r\nworld\r\n0\r\nX: y\r\n\r\n";
  const std::string counted = ok_head + "CONTENT-LENGTH: 11\r\n\r\nhello world";
  const std::string until_end = "HTTP/1.0 200 OK\n\nhello world";
  for (const std::string& response : {chunked, counted, until_end}) {
    for (std::size_t step = 1; step <= response.size(); ++step) {
      EXPECT_EQ(body_of(response, step).value_or("nothing"), "hello world") << response << step;
    }
  }
}

TEST(HttpResponse, EmptyBodyIsComplete) {
  EXPECT_EQ(body_of(ok_head + "Content-Length: 0\r\n\r\n", 7).value_or("nothing"), "");
  EXPECT_EQ(body_of(ok_head + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 7).value_or("nothing"),
            "");
}

TEST(HttpResponse, WhatIsCutIsTorn) {
  const std::string chunked = ok_head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  const std::string counted = ok_head + "Content-Length: 5\r\n\r\nhello";
  for (const std::string& response : {chunked, counted}) {
    for (std::size_t size = 0; size < response.size(); ++size) {
      const auto body = body_of(std::string_view{response}.substr(0, size), 100);
      ASSERT_FALSE(body) << size;
      EXPECT_EQ(body.error().kind, ErrorKind::torn) << size;
    }
  }
}

TEST(HttpResponse, AnotherStatusIsUnavailable) {
  const auto body = body_of("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 100);
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(body.error().message, HasSubstr("404"));
}

TEST(HttpResponse, WhatIsNoResponseIsMalformed) {
  for (const std::string& response :
       {std::string{"hello\n"}, std::string{"HTTP/2 200\n"}, std::string{"HTTP/1.1\r\n"},
        ok_head + "no colon\r\n\r\n", ok_head + "Content-Length: many\r\n\r\n",
        ok_head + "Content-Length: -1\r\n\r\n", ok_head + "Transfer-Encoding: gzip\r\n\r\n",
        ok_head + "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
        ok_head + "Transfer-Encoding: chunked\r\n\r\nx\r\n",
        ok_head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        ok_head + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        ok_head + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
        ok_head + "X: " + std::string(100'000, 'x'),
        ok_head + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + std::string(100'000, 'x')}) {
    const auto body = body_of(response, 1'000);
    ASSERT_FALSE(body) << response.substr(0, 80);
    EXPECT_EQ(body.error().kind, ErrorKind::malformed) << response.substr(0, 80);
  }
}

TEST(HttpResponse, BodyLongerThanAllowedIsRefused) {
  const std::string most(kMost, 'x');
  EXPECT_THAT(body_of("HTTP/1.1 200 OK\r\n\r\n" + most, 100), test::has_value());
  for (const std::string& response : {"HTTP/1.1 200 OK\r\n\r\n" + most + "x",
                                      ok_head + "Content-Length: 1001\r\n\r\n" + most + "x"}) {
    const auto body = body_of(response, 100);
    ASSERT_FALSE(body);
    EXPECT_EQ(body.error().kind, ErrorKind::malformed);
  }
}

TEST(HttpResponse, ManyChunksAreNoHead) {
  std::string response = ok_head + "Transfer-Encoding: chunked\r\n\r\n";
  for (std::size_t i = 0; i < kMost; ++i) {
    response += "0000000000000000000000000000000000000000000000000000000000000001\r\nx\r\n";
  }
  ASSERT_GT(response.size(), std::size_t{64} << 10U);
  EXPECT_THAT(body_of(response + "0\r\n\r\n", 1'000), test::has_value());
}

// Whether a head is too long does not depend on how it was cut.
TEST(HttpResponse, HeadOfTheLastLengthThatIsTakenIsTakenInBytes) {
  const std::string end = "\r\n\r\nbody";
  const std::string most =
      ok_head + "X: " + std::string((std::size_t{64} << 10U) - ok_head.size() - 7, 'x');
  for (const std::size_t step : {std::size_t{1}, std::size_t{100'000}}) {
    EXPECT_EQ(body_of(most + end, step).value_or("nothing"), "body");
    EXPECT_FALSE(body_of(most + "x" + end, step));
  }
}

TEST(HttpResponse, ErrorOfTheSinkEndsIt) {
  ResponseDecoder decoder{
      kMost, [](std::string_view) -> Result<void> { return fail(ErrorKind::torn, "enough"); }};
  const auto fed = decoder.feed(ok_head + "\r\nbody");
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().message, "enough");
}

}  // namespace
}  // namespace kubecliff::kubeproxy
