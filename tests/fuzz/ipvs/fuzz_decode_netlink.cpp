// One datagram: each message through every decoder of the collector, whichever it is of.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "collectors/ipvs/decode_netlink.h"
#include "collectors/ipvs/device_addresses.h"
#include "collectors/ipvs/ipset.h"
#include "collectors/ipvs/servers.h"
#include "collectors/kernel/netlink_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;        // NOLINT(*-using-namespace)
  using namespace kubecliff::ipvs;  // NOLINT(*-using-namespace)

  Servers servers;
  VirtualServer last;
  netlink::Messages messages{std::as_bytes(std::span{data, size})};
  for (netlink::Message message; messages.next(message);) {
    if (const auto server = decode_virtual_server(message)) {
      last = server->server;
      servers.add(last);
      netlink::Request question = netlink::Request::generic(1, 1, 0);
      put_key(question, server->key);
      static_cast<void>(question.finish(1));
    }
    if (const auto server = decode_real_server(message, last)) {
      servers.add(*server);
    }
    static_cast<void>(decode_virtual_details(message));
    if (const auto endpoint = decode_endpoint(message);
        endpoint && endpoint->address.size() != 4 && endpoint->address.size() != 16) {
      std::abort();
    }
    static_cast<void>(decode_table_buckets(message));
    static_cast<void>(decode_address(message));
    if (const auto set = decode_ipset(message); set && set->name.empty()) {
      std::abort();
    }
  }
  return 0;
}
