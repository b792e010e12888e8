#include <arpa/inet.h>
#include <linux/ip_vs.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/inventory/sources.h"
#include "collectors/ipvs/decode_netlink.h"
#include "collectors/kernel/generic_netlink.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/procfs.h"

namespace kubecliff::inventory {
namespace {

using netlink::Message;
using netlink::Request;

struct Virtual {
  ipvs::ServerKey key;
  ipvs::ServerDetails details;
  Shares shares = Shares::unknown;
};

// What the schedulers' documentation says of shares; those not here look at connections or hash.
Shares shares_of(std::string_view scheduler) {
  if (scheduler == "rr") {
    return Shares::equal;
  }
  return scheduler == "wrr" ? Shares::weights : Shares::unknown;
}

// Where the estimator is off, what is told of connections stands still.
bool counts(const std::filesystem::path& procfs) {
  const Result<std::uint64_t> enabled = read_number(procfs / "sys/net/ipv4/vs/run_estimation");
  return !enabled || *enabled != 0;  // a kernel without the setting estimates
}

Result<std::vector<Virtual>> list(netlink::Socket& socket, std::uint16_t protocol) {
  std::vector<Virtual> servers;
  Request question = Request::generic(protocol, IPVS_CMD_GET_SERVICE, NLM_F_DUMP);
  const Result<void> asked = socket.ask(question, [&](const Message& message) -> Result<void> {
    const auto server = ipvs::decode_virtual_server(message);
    if (!server) {
      return fail(ErrorKind::malformed, "broken message of a virtual server");
    }
    if (ipvs::service_key_of(server->key)) {
      servers.push_back({.key = server->key,
                         .details = ipvs::decode_virtual_details(message),
                         .shares = shares_of(server->server.scheduler)});
    }
    return {};
  });
  if (!asked) {
    return std::unexpected(asked.error());
  }
  return servers;
}

}  // namespace

Result<void> add_ipvs_services(netlink::Socket& socket, const std::filesystem::path& procfs,
                               std::size_t most, Services& to) {
  const Result<std::uint16_t> protocol = netlink::find_generic_family(socket, IPVS_GENL_NAME);
  if (!protocol) {
    return protocol.error().kind == ErrorKind::unavailable ? Result<void>{}
                                                           : std::unexpected(protocol.error());
  }
  const auto servers = list(socket, *protocol);
  if (!servers) {
    return prefixed("IPVS: virtual servers", servers.error());
  }

  const bool counted = counts(procfs);
  std::size_t endpoints = 0;
  for (const Service& service : to.services) {
    endpoints += service.endpoints.size();
  }
  Services found;
  Request question = Request::generic(*protocol, IPVS_CMD_GET_DEST, NLM_F_DUMP);
  for (const Virtual& server : *servers) {
    if (room_in(to, most) <= found.services.size()) {
      to.cut = true;
      break;
    }
    const AddressFamily family =
        server.key.family == AF_INET6 ? AddressFamily::ipv6 : AddressFamily::ipv4;
    Service service{.dataplane = Dataplane::ipvs,
                    .family = family,
                    .protocol = static_cast<std::uint8_t>(server.key.protocol),
                    .address = Address{Bytes{server.key.address}.first(address_size(family))},
                    .port = ntohs(server.key.port),
                    .packets = counted ? server.details.connections : std::nullopt,
                    .shares = server.shares,
                    .affinity = server.details.persistent,
                    .counted_together = false};
    question.clear_attributes();
    ipvs::put_key(question, server.key);
    // One that is gone by now has no answers.
    const Result<void> asked = socket.ask(question, [&](const Message& message) -> Result<void> {
      const auto endpoint = ipvs::decode_endpoint(message);
      if (!endpoint) {
        return fail(ErrorKind::malformed, "broken message of a real server");
      }
      ++service.endpoint_count;
      if (++endpoints > kMostEndpoints) {
        service.clear = false;
        to.cut = true;
        return {};
      }
      service.endpoints.push_back({.address = Address{endpoint->address},
                                   .port = endpoint->port,
                                   .weight = endpoint->weight,
                                   .packets = counted ? endpoint->connections : std::nullopt});
      return {};
    });
    if (!asked) {
      return prefixed("IPVS: real servers", asked.error());
    }
    found.addresses.push_back(
        {.address = service.address,
         .family = family,
         .protocol = service.protocol,
         .port = service.port,
         .service = static_cast<std::uint32_t>(to.services.size() + found.services.size())});
    found.services.push_back(std::move(service));
  }
  std::ranges::move(found.services, std::back_inserter(to.services));
  to.addresses.insert(to.addresses.end(), found.addresses.begin(), found.addresses.end());
  return {};
}

}  // namespace kubecliff::inventory
