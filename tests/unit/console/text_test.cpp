#include "exporter/console/text.h"

#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace kubecliff::console {
namespace {

TEST(Printable, LetsNothingButAsciiThroughAndCutsWhatIsTooLong) {
  EXPECT_EQ(printable("plain ~ text"), "plain ~ text");
  EXPECT_EQ(printable("\x1b[31m\x7f\n\xc2\x9b"), "?[31m????");
  EXPECT_EQ(printable("abcdef", 5), "ab...");
  EXPECT_EQ(printable(std::string(kMostBytes + 1, 'x')).size(), kMostBytes);
}

TEST(Padded, FillsUpAndNeverCuts) {
  EXPECT_EQ(padded("ab", 4), "ab  ");
  EXPECT_EQ(padded("abcde", 4), "abcde");
  EXPECT_EQ(right_aligned("ab", 4), "  ab");
  EXPECT_EQ(right_aligned("abcde", 4), "abcde");
}

TEST(Wrapped, GoesOnFromItsColumnAndStaysInTheWidth) {
  EXPECT_EQ(wrapped("one two", 0, 0), "one two\n");
  EXPECT_EQ(wrapped("", 4, 4), "");
  EXPECT_EQ(wrapped("  one   two  ", 0, 0), "one two\n");
  EXPECT_EQ(wrapped("one two", kWidth - 4, 2), "one\n  two\n");
  // A word that is wider than all stands in a line of its own.
  const std::string wide(kWidth + 20, 'w');
  EXPECT_EQ(wrapped("one " + wide + " two", 0, 2), "one\n  " + wide + "\n  two\n");
}

TEST(Grouped, PutsACommaBeforeEveryThird) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
}

TEST(Upper, IsOfLettersAlone) {
  EXPECT_EQ(upper("ready, 4 ok"), "READY, 4 OK");
}

}  // namespace
}  // namespace kubecliff::console
