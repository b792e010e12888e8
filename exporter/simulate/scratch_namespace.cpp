#include "exporter/simulate/scratch_namespace.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "collectors/kernel/bytes.h"
#include "collectors/kernel/netlink_socket.h"

namespace kubecliff::simulate {
namespace {

Result<int> bring_up_loopback() {
  const UniqueFd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket.valid()) {
    return fail_errno(errno, "socket");
  }
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    return fail_errno(errno,
                      "bring up the scratch namespace's loopback device (needs CAP_NET_ADMIN)");
  }
  if (::ioctl(socket.get(), SIOCGIFINDEX, &request) != 0) {
    return fail_errno(errno, "look up the scratch namespace's loopback device");
  }
  return request.ifr_ifindex;
}

struct Block {
  const char* address;
  std::uint8_t length;
};
// Of services.h: ClusterIPs and pods.
constexpr Block kBlocks[] = {{"10.96.0.0", 12}, {"100.64.0.0", 10}};

// Whatever is in the block is our own address.
Result<void> add_local_route(netlink::Socket& socket, const Block& block, int device) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = block.length;
  header.rtm_table = RT_TABLE_LOCAL;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_HOST;
  header.rtm_type = RTN_LOCAL;
  in_addr address{};
  ::inet_pton(AF_INET, block.address, &address);
  netlink::Request request = netlink::Request::plain(
      RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, bytes_of(header));
  request.put(RTA_DST, bytes_of(address)).put(RTA_OIF, bytes_of(device));
  const Result<void> added =
      socket.ask(request, [](const netlink::Message&) { return Result<void>{}; });
  return added ? added : prefixed("add a route in the scratch namespace", added.error());
}

}  // namespace

Result<ScratchNamespace> ScratchNamespace::enter() {
  UniqueFd previous{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
  if (!previous.valid()) {
    return fail_errno(errno, "/proc/thread-self/ns/net");
  }
  if (::unshare(CLONE_NEWNET) != 0) {
    return fail_errno(errno, "make a network namespace (needs CAP_SYS_ADMIN)");
  }
  ScratchNamespace entered{std::move(previous)};
  const Result<int> loopback = bring_up_loopback();
  if (!loopback) {
    return std::unexpected(loopback.error());
  }
  netlink::Socket socket{netlink::kernel_transport(NETLINK_ROUTE)};
  for (const Block& block : kBlocks) {
    if (const auto added = add_local_route(socket, block, *loopback); !added) {
      return std::unexpected(added.error());
    }
  }
  return entered;
}

ScratchNamespace::~ScratchNamespace() {
  if (previous_.valid() && ::setns(previous_.get(), CLONE_NEWNET) != 0) {
    // Whatever came next would be done to the wrong network.
    std::abort();
  }
}

}  // namespace kubecliff::simulate
