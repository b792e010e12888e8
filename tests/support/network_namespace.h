// A node of its own for a test, as far as the network goes.
#pragma once

#include <optional>
#include <string_view>

#include <gtest/gtest.h>

#include "collectors/kernel/network_namespace.h"

namespace kubecliff::test {

using kubecliff::NetworkNamespace;

// Ends the current test as skipped, or as failed where KUBECLIFF_NO_SKIP=1 says that this machine
// must be able to run it. In a test's body: `return skip("…");`.
void skip(std::string_view reason);

// A test, each in a network namespace of its own; skipped where that takes a privilege we lack.
class NetworkNamespaceTest : public ::testing::Test {
 protected:
  void SetUp() override;

 private:
  std::optional<NetworkNamespace> namespace_;
};

}  // namespace kubecliff::test
