#include "collectors/kernel/network_namespace.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace kubecliff {
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
    return fail_errno(errno,
                      "bring up a network namespace's loopback device (needs CAP_NET_ADMIN)");
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
    // Whatever came next would be done to the wrong network.
    std::perror("return to the previous network namespace");
    std::abort();
  }
}

}  // namespace kubecliff
