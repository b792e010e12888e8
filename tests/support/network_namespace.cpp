#include "tests/support/network_namespace.h"

#include <cstdlib>
#include <utility>

namespace kubecliff::test {

void skip(std::string_view reason) {
  const char* strict = std::getenv("KUBECLIFF_NO_SKIP");  // NOLINT(concurrency-mt-unsafe)
  if (strict != nullptr && std::string_view{strict} == "1") {
    FAIL() << "must run here, but: " << reason;
  }
  GTEST_SKIP() << reason;
}

void NetworkNamespaceTest::SetUp() {
  auto entered = NetworkNamespace::enter();
  if (!entered) {
    return skip(entered.error().message);
  }
  namespace_.emplace(*std::move(entered));
}

}  // namespace kubecliff::test
