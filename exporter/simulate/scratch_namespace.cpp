#include "exporter/simulate/scratch_namespace.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cstdint>

#include "collectors/kernel/bytes.h"
#include "collectors/kernel/netlink_socket.h"

namespace kubecliff::simulate {
namespace {

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

Result<NetworkNamespace> enter_scratch_namespace() {
  Result<NetworkNamespace> entered = NetworkNamespace::enter();
  if (!entered) {
    return entered;
  }
  const int loopback = static_cast<int>(::if_nametoindex("lo"));
  netlink::Socket socket{netlink::kernel_transport(NETLINK_ROUTE)};
  for (const Block& block : kBlocks) {
    if (const auto added = add_local_route(socket, block, loopback); !added) {
      return std::unexpected(added.error());
    }
  }
  return entered;
}

}  // namespace kubecliff::simulate
