// NetworkNamespace: a node of its own for a test, as far as the network goes.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "collectors/core/result.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff::test {

// The calling thread, and the tools it runs, are in a fresh network namespace, with lo up, until
// this object is destroyed, which must happen on the same thread. The namespace has no name: it
// ends with its last process and socket, however the test ends. /proc/net is that of the process's
// main thread: a test that reads there enters on the main thread.
class NetworkNamespace {
 public:
  [[nodiscard]] static Result<NetworkNamespace> enter();

  NetworkNamespace(NetworkNamespace&&) noexcept = default;
  NetworkNamespace& operator=(NetworkNamespace&&) = delete;
  ~NetworkNamespace();

 private:
  explicit NetworkNamespace(UniqueFd previous) : previous_{std::move(previous)} {}

  UniqueFd previous_;
};

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
