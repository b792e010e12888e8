#include "exporter/alerting/expression.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace kubecliff {
namespace {

using test::fails_with;
using test::has_value;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(ParseExpression, ReadsASelector) {
  const auto parsed =
      parse_expression(R"( rules{table="nat", family!="ipv6",owner=~"a|b.*",c!~"d"}[1h30m] )");
  EXPECT_THAT(parsed, fails_with(ErrorKind::malformed, HasSubstr("no range outside")));

  const auto whole =
      parse_expression(R"(rate(rules{table="nat", family!="ipv6",owner=~"a|b.*",c!~"d"}[1h30m]))");
  ASSERT_THAT(whole, has_value());
  const auto found = selectors(**whole);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0]->metric, "rules");
  EXPECT_EQ(found[0]->range, std::chrono::minutes{90});
  ASSERT_THAT(found[0]->matchers, SizeIs(4));
  EXPECT_TRUE(found[0]->matchers[0].accepts("nat"));
  EXPECT_FALSE(found[0]->matchers[1].accepts("ipv6"));
  EXPECT_TRUE(found[0]->matchers[1].accepts("")) << "a label that is not there is an empty one";
  EXPECT_TRUE(found[0]->matchers[2].accepts("bcd"));
  EXPECT_FALSE(found[0]->matchers[2].accepts("aa")) << "the whole text must match";
  EXPECT_FALSE(found[0]->matchers[3].accepts("d"));
}

TEST(ParseExpression, BindsAsPromqlDoes) {
  // a or ((b and (c > (1 + (2 * 3)))) unless d)
  const auto parsed = parse_expression("a or b and c > 1 + 2 * 3 unless d");
  ASSERT_THAT(parsed, has_value());
  const auto& either = std::get<Binary>((*parsed)->node);
  EXPECT_EQ(either.operation, Operator::set_or);
  const auto& unless = std::get<Binary>(either.right->node);
  EXPECT_EQ(unless.operation, Operator::set_unless);
  const auto& both = std::get<Binary>(unless.left->node);
  EXPECT_EQ(both.operation, Operator::set_and);
  const auto& above = std::get<Binary>(both.right->node);
  EXPECT_EQ(above.operation, Operator::above);
  EXPECT_EQ(std::get<Binary>(above.right->node).operation, Operator::plus);
}

TEST(ParseExpression, TakesTheSameOperatorsFromTheLeft) {
  const auto parsed = parse_expression("a - b - c");
  ASSERT_THAT(parsed, has_value());
  EXPECT_TRUE(std::holds_alternative<Binary>(std::get<Binary>((*parsed)->node).left->node));
}

struct Wrong {
  std::string_view text;
  std::string_view says;
};

class WrongExpression : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongExpression, IsRefusedWithItsPlace) {
  EXPECT_THAT(parse_expression(GetParam().text),
              fails_with(ErrorKind::malformed, HasSubstr(std::string{GetParam().says})));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongExpression,
    ::testing::Values(Wrong{"", "at 1: expected a metric"},
                      Wrong{"a b", "at 3: expected an operator or the end"},
                      Wrong{"a{b}", R"(expected a label and one of = != =~ !~, got "}")"},
                      Wrong{"a{b=c}", "expected a text in double quotes"},
                      Wrong{R"(a{b="c)", "expected a text in double quotes"},
                      Wrong{R"(a{b=~"("})", "expected a regular expression"},
                      Wrong{"rate(a)", "expected a selector with a range"},
                      Wrong{"rate(a[5q])", "expected a duration such as 5m"},
                      Wrong{"rate(a[0s])", "expected a duration such as 5m"},
                      Wrong{"a[5m]", "no range outside of a function"},
                      Wrong{"a[5m] / 2", "no range outside of a function"},
                      Wrong{"sum(a)", "whatever is aggregated, nodes are not"},
                      Wrong{"sum by (b) (a)", "whatever is aggregated, nodes are not"},
                      Wrong{"a / on (b) c", "expected a metric"},
                      Wrong{"1 > 2", "something of a metric"},
                      Wrong{"a and 1", "something of a metric on both sides"},
                      Wrong{"a / ignoring (b) 1", "something of a metric on both sides"},
                      Wrong{"quantile(a)", "a known function"}, Wrong{"(a", "expected )"},
                      Wrong{"predict_linear(a[5m])", "expected ,"}, Wrong{"time(1)", "expected )"},
                      Wrong{"1.2.3", "expected a number"}));

TEST(ParseExpression, RefusesWhatIsTooDeep) {
  EXPECT_THAT(parse_expression(std::string(10'000, '(') + "a"),
              fails_with(ErrorKind::malformed, HasSubstr("less deep")));
}

}  // namespace
}  // namespace kubecliff
