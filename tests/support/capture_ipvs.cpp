// capture_ipvs: writes to standard output what a kernel answers by netlink about a few virtual
// servers of every kind, an ipset and addresses: the corpus of tests/fuzz/ipvs. Loads modules and
// changes IPVS, so it belongs into tests/support/emulated_kernel, which says how:
//
//   emulated_kernel --tool ipvsadm --tool ipset --tool ip -- capture_ipvs servers >servers
//
// SUBJECT is servers, sets or addresses.
#include <linux/if_addr.h>
#include <linux/ip_vs.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/ipvs/decode_netlink.h"
#include "collectors/kernel/generic_netlink.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/netlink_socket.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

using netlink::Request;

void write(Bytes bytes) {
  std::cout.write(reinterpret_cast<const char*>(bytes.data()),
                  static_cast<std::streamsize>(bytes.size()));
}

template <typename Visit>
Result<void> capture(netlink::Socket& socket, Request question, Visit&& visit) {
  return socket.ask(question, [&](const netlink::Message& message) -> Result<void> {
    write(std::as_bytes(std::span{&message.header, 1}));
    write(message.payload);
    const std::size_t padding = NLMSG_ALIGN(message.payload.size()) - message.payload.size();
    write(std::as_bytes(std::span{"\0\0\0", padding}));
    visit(message);
    return {};
  });
}

constexpr auto kNothing = [](const netlink::Message&) {};

Result<void> capture_servers() {
  const std::string_view commands =
      "-A -t 10.96.0.1:443 -s rr -p 10800\n"
      "-a -t 10.96.0.1:443 -r 10.0.0.1:6443 -m -w 1\n"
      "-a -t 10.96.0.1:443 -r 10.0.0.2:6443 -m -w 0\n"
      "-A -u [fd00:96::a]:53 -s wlc\n"
      "-a -u [fd00:96::a]:53 -r [fd00::2]:53 -m -w 3\n"
      "-A --sctp-service 10.96.0.2:9 -s mh\n"
      "-A -f 7 -s sh\n"
      "-a -f 7 -r 10.0.0.3:80 -g -w 1\n";
  if (auto run = run_tool({"ipvsadm", "-R"}, commands); !run) {
    return std::unexpected(run.error());
  }
  netlink::Socket socket{netlink::kernel_transport(NETLINK_GENERIC)};
  const auto protocol = netlink::find_generic_family(socket, IPVS_GENL_NAME);
  if (!protocol) {
    return std::unexpected(protocol.error());
  }
  std::vector<ipvs::ServerKey> keys;
  auto asked = capture(socket, Request::generic(*protocol, IPVS_CMD_GET_SERVICE, NLM_F_DUMP),
                       [&](const netlink::Message& message) {
                         if (const auto server = ipvs::decode_virtual_server(message)) {
                           keys.push_back(server->key);
                         }
                       });
  for (std::size_t i = 0; asked && i < keys.size(); ++i) {
    Request question = Request::generic(*protocol, IPVS_CMD_GET_DEST, NLM_F_DUMP);
    ipvs::put_key(question, keys[i]);
    asked = capture(socket, question, kNothing);
  }
  return asked ? capture(socket, Request::generic(*protocol, IPVS_CMD_GET_INFO, 0), kNothing)
               : asked;
}

Result<void> capture_sets() {
  const std::string_view commands =
      "create KUBE-CLUSTER-IP hash:ip,port\n"
      "add KUBE-CLUSTER-IP 10.96.0.1,tcp:443\n"
      "create KUBE-NODE-PORT-TCP bitmap:port range 0-65535\n"
      "create all list:set\n";
  if (auto run = run_tool({"ipset", "restore"}, commands); !run) {
    return std::unexpected(run.error());
  }
  netlink::Socket socket{netlink::kernel_transport(NETLINK_NETFILTER)};
  Request question = Request::nfnetlink(NFNL_SUBSYS_IPSET, IPSET_CMD_LIST, NLM_F_DUMP, AF_INET);
  const std::byte version{6};
  question.put(IPSET_ATTR_PROTOCOL, std::span{&version, 1});
  return capture(socket, question, kNothing);
}

Result<void> capture_addresses() {
  netlink::Socket socket{netlink::kernel_transport(NETLINK_ROUTE)};
  const ifaddrmsg header{};
  return capture(socket,
                 Request::plain(RTM_GETADDR, NLM_F_DUMP, std::as_bytes(std::span{&header, 1})),
                 kNothing);
}

}  // namespace
}  // namespace kubecliff::test

int main(int argc, char** argv) {
  const std::string_view subject = argc == 2 ? argv[1] : "";
  kubecliff::Result<void> captured;
  if (subject == "servers") {
    captured = kubecliff::test::capture_servers();
  } else if (subject == "sets") {
    captured = kubecliff::test::capture_sets();
  } else if (subject == "addresses") {
    captured = kubecliff::test::capture_addresses();
  } else {
    std::cerr << "usage: capture_ipvs servers|sets|addresses\n";
    return 2;
  }
  if (!captured) {
    std::cerr << "capture_ipvs: " << captured.error().message << '\n';
    return 1;
  }
  return 0;
}
