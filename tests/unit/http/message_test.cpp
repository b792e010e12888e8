#include "exporter/http/message.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace kubecliff::http {
namespace {

TEST(PercentDecoded, DecodesWhatIsEscapedAndLeavesTheRest) {
  struct Case {
    std::string_view text;
    std::optional<std::string> expected;
  };
  const Case cases[] = {
      {"", ""},
      {"/metrics", "/metrics"},
      {"/%6Detrics", "/metrics"},
      {"a%2fb%2Fc", "a/b/c"},
      {"%25", "%"},
      {"a+b", "a+b"},
      {"%e2%82%ac", "\xE2\x82\xAC"},
      {"%", std::nullopt},
      {"%4", std::nullopt},
      {"%4g", std::nullopt},
      {"%-1", std::nullopt},
      {"/metrics%00.txt", std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(percent_decoded(c.text), c.expected) << c.text;
  }
}

TEST(ParseQuery, KeepsOrderAndRepeatedKeys) {
  const auto query = parse_query("collect[]=iptables&collect%5B%5D=conntrack&x=a+b%26c&&flag&=v");
  ASSERT_TRUE(query) << query.error().message;
  const std::vector<QueryParameter> expected = {{"collect[]", "iptables"},
                                                {"collect[]", "conntrack"},
                                                {"x", "a b&c"},
                                                {"flag", ""},
                                                {"", "v"}};
  EXPECT_EQ(*query, expected);
}

TEST(ParseQuery, BrokenEscapeIsMalformed) {
  for (const std::string_view query : {"a=%", "%zz=1", "a=1&b=%0"}) {
    const auto parsed = parse_query(query);
    ASSERT_FALSE(parsed) << query;
    EXPECT_EQ(parsed.error().kind, ErrorKind::malformed);
  }
}

TEST(Request, HeadersAreFoundWhateverTheirCase) {
  const Request request{.headers = {{"ACCEPT", "text/plain"}, {"Accept", "second"}}};
  EXPECT_EQ(request.header("accept"), "text/plain");
  EXPECT_EQ(request.header("Accept-Encoding"), "");
}

TEST(Request, ParametersComeInTheOrderSent) {
  const Request request{.query = {{"c", "1"}, {"d", "2"}, {"c", "3"}}};
  EXPECT_EQ(request.parameters("c"), (std::vector<std::string_view>{"1", "3"}));
  EXPECT_TRUE(request.parameters("e").empty());
}

TEST(PlainResponse, SaysItsStatusInWords) {
  EXPECT_EQ(plain_response(404).body, "Not Found\n");
  EXPECT_EQ(plain_response(404).content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(reason_phrase(299), "Unknown");
}

}  // namespace
}  // namespace kubecliff::http
