#include "tests/support/network_namespace.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace kubecliff::test {
namespace {

Result<void> bring_up_loopback() {
  const UniqueFd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket.valid()) {
    return fail_errno(errno, "socket");
  }

  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    return fail_errno(errno, "bring up lo");
  }
  return {};
}

}  // namespace

Result<NetworkNamespace> NetworkNamespace::enter() {
  UniqueFd previous{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
  if (!previous.valid()) {
    return fail_errno(errno, "/proc/thread-self/ns/net");
  }
  if (::unshare(CLONE_NEWNET) != 0) {
    return fail_errno(errno, "make a network namespace (needs CAP_SYS_ADMIN)");
  }

  NetworkNamespace entered{std::move(previous)};
  if (auto up = bring_up_loopback(); !up) {
    return std::unexpected(std::move(up.error()));
  }
  return entered;
}

NetworkNamespace::~NetworkNamespace() {
  if (previous_.valid() && ::setns(previous_.get(), CLONE_NEWNET) != 0) {
    // Every later test would run in the wrong place and seem to pass.
    std::perror("return to the previous network namespace");
    std::abort();
  }
}

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
