#include "collectors/canary/service.h"

#include <cstdint>
#include <utility>

#include "collectors/kernel/socket_address.h"
#include "collectors/kube/json.h"

namespace kubecliff::canary {

using kube::Json;
using kube::member;

Result<Service> decode_service(std::string_view json) {
  const auto object = kube::parse_object(json);
  if (!object) {
    return std::unexpected(object.error());
  }
  const std::string name =
      "the canary's Service " + kube::text(member(member(*object, "metadata"), "name"));
  const Json& spec = member(*object, "spec");
  const Json& selector = member(spec, "selector");
  if (selector.is_object() && !selector.empty()) {
    return fail(ErrorKind::unavailable,
                name + " has a selector, so Kubernetes writes its endpoints: take that away");
  }
  const Json& ports = member(spec, "ports");
  const Json& port = ports.is_array() && !ports.empty() ? ports.front() : ports;
  const Json& number = member(port, "port");
  if (!number.is_number_unsigned() || kube::text(member(port, "protocol")) != "TCP") {
    return fail(ErrorKind::unavailable, name + " has no TCP port as its first one");
  }
  const std::string suffix = ":" + std::to_string(number.get<std::uint64_t>());

  Service service{.port_name = kube::text(member(port, "name"))};
  // clusterIPs is there since Kubernetes 1.20.
  Json addresses = member(spec, "clusterIPs");
  if (!addresses.is_array()) {
    addresses = Json::array({member(spec, "clusterIP")});
  }
  for (const Json& one : addresses) {
    std::string address = kube::text(one);
    if (address.find(':') != std::string::npos) {
      address.insert(0, "[").append("]").append(suffix);
      service.entrances.push_back({.family = AddressFamily::ipv6, .address = std::move(address)});
    } else if (address.find('.') != std::string::npos) {
      address.append(suffix);
      service.entrances.push_back({.family = AddressFamily::ipv4, .address = std::move(address)});
    }
  }
  for (const Service::Entrance& entrance : service.entrances) {
    if (!parse_socket_address(entrance.address)) {
      return fail(ErrorKind::malformed, name + ": " + entrance.address + " is no address");
    }
  }
  if (service.entrances.empty()) {
    return fail(ErrorKind::unavailable, name + " has no cluster IP: a headless one is not routed");
  }
  return service;
}

}  // namespace kubecliff::canary
