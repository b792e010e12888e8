#include "tests/integration/inventory/seen_service.h"

#include <netinet/in.h>

#include <gtest/gtest.h>

#include "tests/support/text.h"

namespace kubecliff::inventory {

std::ostream& operator<<(std::ostream& out, const SeenService& service) {
  out << service.protocol << " at";
  for (const std::string& address : service.addresses) {
    out << ' ' << address;
  }
  out << ", rules " << service.rules << ", packets "
      << (service.packets ? std::to_string(*service.packets) : "none")
      << (service.affinity ? ", affinity" : "") << ", to";
  for (const auto& [endpoint, packets] : service.endpoints) {
    out << ' ' << endpoint << '=' << packets;
  }
  return out;
}

SeenServices seen(const Services& services, Dataplane dataplane, test::Family family) {
  for (const Miss& miss : services.misses) {
    ADD_FAILURE() << name(miss.dataplane) << ": " << miss.error.message;
  }
  EXPECT_FALSE(services.cut);
  SeenServices all;
  std::map<std::uint32_t, std::string> names;
  for (std::uint32_t i = 0; i < services.services.size(); ++i) {
    const Service& service = services.services[i];
    if (service.dataplane != dataplane || test::label(family) != name(service.family)) {
      continue;
    }
    EXPECT_TRUE(service.clear) << service.name;
    EXPECT_EQ(service.endpoint_count, service.endpoints.size()) << service.name;
    SeenService one{.protocol = service.protocol == IPPROTO_TCP   ? "tcp"
                                : service.protocol == IPPROTO_UDP ? "udp"
                                                                  : "sctp",
                    .rules = service.rules,
                    .packets = service.packets,
                    .affinity = service.affinity};
    for (const Endpoint& endpoint : service.endpoints) {
      one.endpoints[text(endpoint.address, endpoint.port)] = endpoint.packets.value_or(0);
    }
    names[i] = service.name.empty()
                   ? test::concat(one.protocol, " ", text(service.address, service.port))
                   : service.name;
    EXPECT_TRUE(all.emplace(names[i], std::move(one)).second) << names[i] << " twice";
  }
  for (const ServiceAddress& address : services.addresses) {
    if (const auto of = names.find(address.service); of != names.end()) {
      all[of->second].addresses.insert(text(address.address, address.port));
    }
  }
  return all;
}

}  // namespace kubecliff::inventory
