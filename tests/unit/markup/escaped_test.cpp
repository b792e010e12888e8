#include "exporter/markup/escaped.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace kubecliff::markup {
namespace {

using namespace std::string_view_literals;

TEST(Escaped, CoversTextAndAttributes) {
  EXPECT_EQ(escaped("<a href=\"x\">'&'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
}

TEST(Escaped, KeepsLettersOfAnyScript) {
  for (const std::string_view text : {"kube-dns", "größe", "服务", "שלום", "🙂", ""}) {
    EXPECT_EQ(escaped(text), text);
  }
}

TEST(Escaped, PutsReplacementsForWhatIsNotUtf8) {
  EXPECT_EQ(escaped("a\xFF"
                    "b"),
            "a\uFFFDb");
  EXPECT_EQ(escaped("\xC0\x80"), "\uFFFD\uFFFD") << "overlong";
  EXPECT_EQ(escaped("\xE0\x80\xBC"), "\uFFFD\uFFFD\uFFFD") << "overlong <";
  EXPECT_EQ(escaped("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
  EXPECT_EQ(escaped("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD") << "beyond U+10FFFF";
  EXPECT_EQ(escaped("\xE6\x9C"), "\uFFFD\uFFFD") << "cut off";
  EXPECT_EQ(escaped("\xE6<"), "\uFFFD&lt;") << "what follows is not swallowed";
}

TEST(Escaped, ShowsWhatWouldBeHidden) {
  EXPECT_EQ(escaped("a\0b\x1B[31m\n\t\x7F"sv), "a\uFFFDb\uFFFD[31m\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(escaped("\xC2\x85\xC2\xAD"), "\uFFFD\uFFFD") << "next line, soft hyphen";
  EXPECT_EQ(escaped("a\u202Egnp.exe"), "a\uFFFDgnp.exe") << "right-to-left override";
  EXPECT_EQ(escaped("\u200B\u200F\u2028\u2066\u2069\uFEFF\uFFFE"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(escaped("\U000E0041\U0001FFFF"), "\uFFFD\uFFFD");
}

TEST(Escaped, CutsToAsManyCharactersAsAreWanted) {
  EXPECT_EQ(escaped("abcd", 4), "abcd");
  EXPECT_EQ(escaped("abcde", 4), "abc…");
  EXPECT_EQ(escaped("<<<<<", 2), "&lt;…");
  EXPECT_EQ(escaped("größe", 4), "grö…");
  EXPECT_EQ(escaped("abc", 0), "");
}

TEST(Characters, CountsWhatIsSeen) {
  EXPECT_EQ(characters(escaped("a<ö&服")), 5U);
  EXPECT_EQ(characters(""), 0U);
}

}  // namespace
}  // namespace kubecliff::markup
