// What is given up cannot be had back, so each test gives it up in a child.
#include "exporter/sandbox/capabilities.h"

#include <arpa/inet.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/procfs.h"
#include "collectors/kernel/unique_fd.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::sandbox {
namespace {

using ::testing::ExitedWithCode;

// A set of /proc/self/status, as the kernel prints it.
std::uint64_t set_of(std::string_view name) {
  const auto status = read_file("/proc/self/status");
  const std::size_t line =
      status ? status->find("\n" + std::string{name} + ":\t") : std::string::npos;
  std::uint64_t bits = ~std::uint64_t{0};
  if (line != std::string::npos) {
    const char* digits = status->data() + line + name.size() + 3;
    (void)std::from_chars(digits, status->data() + status->size(), bits, 16);
  }
  return bits;
}

constexpr std::uint64_t bit(int capability) {
  return std::uint64_t{1} << static_cast<unsigned>(capability);
}

// To be called in a child alone. Says what does not hold and ends it.
void expect(bool holds, std::string_view what) {
  if (!holds) {
    std::cerr << what << '\n';
    std::_Exit(1);
  }
}

Kept keep(std::initializer_list<int> used) {
  auto kept = keep_capabilities(used);
  expect(kept.has_value(), "keep_capabilities failed");
  return std::move(*kept);
}

class CapabilitiesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "takes root, to have something to give up";
    }
  }
};

TEST_F(CapabilitiesTest, WhatIsUsedStaysAndNothingElseInAnySet) {
  const auto child = [] {
    const Kept kept = keep({CAP_SYS_PTRACE, CAP_NET_ADMIN});
    expect(kept.kept == Capabilities{CAP_NET_ADMIN, CAP_SYS_PTRACE}, "kept others");
    expect(std::ranges::binary_search(kept.given_up, CAP_SYS_ADMIN), "CAP_SYS_ADMIN not given up");
    const std::uint64_t wanted = bit(CAP_NET_ADMIN) | bit(CAP_SYS_PTRACE);
    expect(set_of("CapPrm") == wanted, "permitted");
    expect(set_of("CapEff") == wanted, "effective");
    expect(set_of("CapInh") == 0, "inheritable");
    expect(set_of("CapBnd") == 0, "bounding");
    expect(set_of("CapAmb") == 0, "ambient");
    expect(set_of("NoNewPrivs") == 1, "no_new_privs");
    std::_Exit(0);
  };
  EXPECT_EXIT(child(), ExitedWithCode(0), "");
}

TEST_F(CapabilitiesTest, WhatIsGivenUpIsRefused) {
  const auto child = [] {
    const UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{.sin_family = AF_INET,
                        .sin_port = htons(1),
                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                        .sin_zero = {}};
    (void)keep({CAP_NET_ADMIN});
    const int bound = ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    expect(bound != 0 && errno == EACCES, "bound to a port of the privileged");
    std::_Exit(0);
  };
  EXPECT_EXIT(child(), ExitedWithCode(0), "");
}

// User 0, who is given every capability when it executes something.
TEST_F(CapabilitiesTest, WhatIsExecutedGetsNothingBack) {
  const auto child = [] {
    (void)keep({CAP_NET_ADMIN});
    (void)::execl("/usr/bin/grep", "grep", "-q", "CapEff:\t0000000000000000", "/proc/self/status",
                  nullptr);
    std::_Exit(2);
  };
  EXPECT_EXIT(child(), ExitedWithCode(0), "");
}

TEST_F(CapabilitiesTest, ABoundingSetThatCannotBeChangedIsNoError) {
  const auto child = [] {
    (void)keep({CAP_NET_ADMIN});  // CAP_SETPCAP is not there any more
    const Kept kept = keep({CAP_BPF});
    expect(kept.kept.empty(), "kept what it did not have");
    expect(kept.given_up == Capabilities{CAP_NET_ADMIN}, "gave up others");
    expect(set_of("CapPrm") == 0, "permitted");
    std::_Exit(0);
  };
  EXPECT_EXIT(child(), ExitedWithCode(0), "");
}

TEST(CapabilityNamesTest, AreThoseOfManuals) {
  EXPECT_EQ(names(std::array{CAP_NET_ADMIN, CAP_BPF}), "net_admin,bpf");
  EXPECT_EQ(names({}), "none");
}

}  // namespace
}  // namespace kubecliff::sandbox
