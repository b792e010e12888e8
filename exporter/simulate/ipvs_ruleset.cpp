#include "exporter/simulate/ipvs_ruleset.h"

#include "exporter/simulate/text.h"

namespace kubecliff::simulate {
namespace {

std::string at(AddressFamily family, const std::string& ip, int port) {
  return family == AddressFamily::ipv4 ? concat(ip, ":", port) : concat("[", ip, "]:", port);
}

// " -t 10.96.0.1:80".
std::string virtual_server(const Service& service, AddressFamily family) {
  std::string_view option = " -t ";
  if (service.protocol == Protocol::udp) {
    option = " -u ";
  } else if (service.protocol == Protocol::sctp) {
    option = " --sctp-service ";
  }
  return concat(option, at(family, cluster_ip(service, family), 80));
}

void write(std::string& text, const Service& service, AddressFamily family) {
  const std::string server = virtual_server(service, family);
  append(text, "-A", server, " -s rr\n");
  for (int i = 0; i < service.endpoints; ++i) {
    append(text, "-a", server, " -r ", at(family, endpoint_ip(service, i, family), kEndpointPort),
           " -m -w 1\n");
  }
}

}  // namespace

IpvsRuleset::IpvsRuleset(const RulesetShape& shape) : shape_{shape} {
  while (next_number_ < shape.services) {
    services_.push_back(make_service(shape, next_number_++));
  }
}

std::string IpvsRuleset::restore_input() const {
  std::string text;
  for (const Service& service : services_) {
    write(text, service, shape_.family);
  }
  return text;
}

std::string IpvsRuleset::add_service() {
  services_.push_back(make_service(shape_, next_number_++));
  std::string text;
  write(text, services_.back(), shape_.family);
  return text;
}

std::string IpvsRuleset::remove_service(std::size_t index) {
  const Service service = services_.at(index);
  services_.erase(services_.begin() + static_cast<std::ptrdiff_t>(index));
  return concat("-D", virtual_server(service, shape_.family), "\n");
}

IpvsFigures IpvsRuleset::expected() const {
  IpvsFigures figures;
  for (const Service& service : services_) {
    figures.virtual_servers += 1;
    figures.real_servers += service.endpoints;
  }
  return figures;
}

}  // namespace kubecliff::simulate
