#include "collectors/ipvs/server_reader.h"

#include <linux/ip_vs.h>
#include <linux/netlink.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/ipvs/decode_netlink.h"
#include "collectors/ipvs/decode_proc.h"
#include "collectors/kernel/generic_netlink.h"
#include "collectors/kernel/procfs.h"

namespace kubecliff::ipvs {
namespace {

using netlink::Message;
using netlink::Request;

// Virtual servers, each given to `visit(const NetlinkServer&)`.
template <typename Visit>
Result<void> dump_virtual_servers(netlink::Socket& socket, std::uint16_t protocol, Visit&& visit) {
  Request question = Request::generic(protocol, IPVS_CMD_GET_SERVICE, NLM_F_DUMP);
  return socket.ask(question, [&](const Message& message) -> Result<void> {
    const auto server = decode_virtual_server(message);
    if (!server) {
      return fail(ErrorKind::malformed, "broken message of a virtual server");
    }
    visit(*server);
    return {};
  });
}

}  // namespace

ServerReader::ServerReader(netlink::TransportFactory transport, const std::filesystem::path& procfs)
    : file_{procfs / "net" / "ip_vs"}, socket_{std::move(transport)} {}

Result<Reading> ServerReader::read() {
  ProcDecoder decoder;
  const Result<void> read =
      visit_lines(file_, [&](std::string_view line) { return decoder.add(line); });
  if (!read && (read.error().errno_value == ENOENT || read.error().errno_value == EACCES)) {
    Result<Reading> reading = read_netlink();
    return reading ? reading : prefixed("IPVS by netlink", reading.error());
  }
  if (!read) {
    return std::unexpected(read.error());
  }
  if (!decoder.table_buckets()) {
    return fail(ErrorKind::malformed, file_.native() + ": no size of the table");
  }

  Reading reading{.servers = decoder.servers(), .table_buckets = *decoder.table_buckets()};
  for (const AddressFamily family : kAddressFamilies) {
    reading.keys[static_cast<std::size_t>(family)] = decoder.keys(family);
  }
  if (decoder.fwmarks() > 0) {
    if (Result<void> added = add_fwmarks(reading.servers); !added) {
      return prefixed("IPVS: families of firewall marks", added.error());
    }
  }
  return reading;
}

Result<void> ServerReader::add_fwmarks(Servers& servers) {
  const Result<std::uint16_t> protocol = netlink::find_generic_family(socket_, IPVS_GENL_NAME);
  if (!protocol) {
    return std::unexpected(protocol.error());
  }
  return dump_virtual_servers(socket_, *protocol, [&](const NetlinkServer& server) {
    if (server.server.protocol == Protocol::fwmark) {
      servers.add(server.server);
    }
  });
}

Result<Reading> ServerReader::read_netlink() {
  // Looked up each time: the module gets another number when it is loaded anew.
  const Result<std::uint16_t> protocol = netlink::find_generic_family(socket_, IPVS_GENL_NAME);
  if (!protocol) {
    return std::unexpected(protocol.error());
  }
  Reading reading;
  std::vector<std::pair<ServerKey, VirtualServer>> servers;
  Result<void> asked = dump_virtual_servers(socket_, *protocol, [&](const NetlinkServer& server) {
    reading.servers.add(server.server);
    servers.emplace_back(server.key, server.server);
    servers.back().second.scheduler = {};  // it points into the message
    if (const auto service = service_key_of(server.key)) {
      reading.keys[static_cast<std::size_t>(server.server.family)].add_service(*service);
    }
  });

  Request question = Request::generic(*protocol, IPVS_CMD_GET_DEST, NLM_F_DUMP);
  for (std::size_t i = 0; asked && i < servers.size(); ++i) {
    question.clear_attributes();
    const auto& [key, virtual_server] = servers[i];
    const std::optional<std::uint64_t> service = service_key_of(key);
    ServerKeys& keys = reading.keys[static_cast<std::size_t>(virtual_server.family)];
    put_key(question, key);
    // One that is gone by now has no answers.
    asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
      const auto server = decode_real_server(message, virtual_server);
      if (!server) {
        return fail(ErrorKind::malformed, "broken message of a real server");
      }
      reading.servers.add(*server);
      if (const auto endpoint = service ? decode_endpoint_key(message, *service) : std::nullopt) {
        keys.add_endpoint(*endpoint);
      }
      return {};
    });
  }
  if (asked) {
    Request info = Request::generic(*protocol, IPVS_CMD_GET_INFO, 0);
    asked = socket_.ask(info, [&](const Message& message) -> Result<void> {
      const auto buckets = decode_table_buckets(message);
      if (!buckets) {
        return fail(ErrorKind::malformed, "broken message of the table's size");
      }
      reading.table_buckets = *buckets;
      return {};
    });
  }
  return asked ? Result<Reading>{reading} : std::unexpected(asked.error());
}

}  // namespace kubecliff::ipvs
