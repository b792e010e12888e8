// Matchers for Result: EXPECT_THAT(result, has_value()); EXPECT_THAT(result, fails_with(kind,
// "…")).
#pragma once

#include <ostream>

#include <gmock/gmock.h>

#include "collectors/core/result.h"

namespace kubecliff {

// GoogleTest finds it by its name.
inline void PrintTo(const Error& error, std::ostream* out) {
  *out << name(error.kind) << " (errno " << error.errno_value << "): " << error.message;
}

}  // namespace kubecliff

namespace kubecliff::test {

MATCHER(has_value, "holds a value") {
  if (!arg) {
    *result_listener << "which failed: " << arg.error().message;
  }
  return arg.has_value();
}

MATCHER_P2(fails_with, kind, message, "") {
  if (arg) {
    *result_listener << "which holds a value";
    return false;
  }
  *result_listener << "which failed: " << name(arg.error().kind) << ": " << arg.error().message;
  return arg.error().kind == kind &&
         ::testing::Matches(::testing::Matcher<std::string>{message})(arg.error().message);
}

}  // namespace kubecliff::test
