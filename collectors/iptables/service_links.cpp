#include "collectors/iptables/service_links.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "collectors/core/service_endpoints.h"

namespace kubecliff::iptables {
namespace {

// The endpoints of KUBE-SEP-* chains, by the keys of their names.
class Endpoints {
 public:
  explicit Endpoints(std::size_t most) : slots_(most + most / 2 + 1) {}

  void add(std::uint64_t name, std::uint64_t backend) { *slot_of(name) = {name, backend}; }
  // 0 where it is not known.
  [[nodiscard]] std::uint64_t find(std::uint64_t name) { return slot_of(name)->second; }

 private:
  using Slot = std::pair<std::uint64_t, std::uint64_t>;

  [[nodiscard]] Slot* slot_of(std::uint64_t name) {
    std::size_t at = ((name >> 32U) * slots_.size()) >> 32U;
    while (slots_[at].first != 0 && slots_[at].first != name) {
      at = at + 1 == slots_.size() ? 0 : at + 1;
    }
    return &slots_[at];
  }

  std::vector<Slot> slots_;
};

// An address of a Service, found by the port's hash.
struct Dispatch {
  std::uint64_t port = 0;
  std::uint64_t service = 0;
  bool has_chain = false;  // from which endpoints are chosen
  bool unclear = false;
};

}  // namespace

void ServiceLists::append(const ServiceLists& others) {
  services.insert(services.end(), others.services.begin(), others.services.end());
  endpoints.insert(endpoints.end(), others.endpoints.begin(), others.endpoints.end());
  unclear.insert(unclear.end(), others.unclear.begin(), others.unclear.end());
}

std::string linked_chain_name(const ChainRecord& chain, std::span<const LinkWord> words) {
  if (chain.chain_class == ChainClass::services) {
    return chain.is_services ? "KUBE-SERVICES" : "KUBE-EXTERNAL-SERVICES";
  }
  if (chain.chain_class == ChainClass::nodeports) {
    return "KUBE-NODEPORTS";
  }
  std::array<char, kPortHash> hash{};
  std::memcpy(hash.data(), words.data(), std::min(hash.size(), words.size_bytes()));
  std::string_view prefix = "KUBE-SVC-";
  if (chain.chain_class != ChainClass::svc) {
    prefix = chain.chain_class == ChainClass::svl ? "KUBE-SVL-" : "KUBE-XLB-";
  }
  return std::string{prefix}.append(hash.data(), hash.size());
}

std::span<const LinkWord> links_of(const ChainRecord& chain, std::span<const LinkWord> links) {
  return links.subspan(chain.links_at, chain.links);
}

void add_services(std::span<const ChainRecord> chains, std::span<const LinkWord> links,
                  ServiceLists& to) {
  std::vector<Dispatch> dispatched;
  std::size_t endpoint_chains = 0;
  for (const ChainRecord& chain : chains) {
    endpoint_chains += chain.chain_class == ChainClass::sep ? 1 : 0;
    if (!dispatches(chain.chain_class)) {
      continue;
    }
    const auto words = links_of(chain, links);
    for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
      if (words[i + 1] == 0) {
        to.services.push_back(words[i]);
      } else {
        dispatched.push_back({.port = words[i + 1], .service = words[i]});
      }
    }
  }
  std::ranges::sort(dispatched, {}, &Dispatch::port);

  Endpoints endpoints{endpoint_chains};
  for (const ChainRecord& chain : chains) {
    const auto words = links_of(chain, links);
    if (chain.chain_class == ChainClass::sep && words.size() == 2) {
      endpoints.add(words[0], words[1]);
    }
  }

  to.endpoints.reserve(to.endpoints.size() + endpoint_chains);
  for (const ChainRecord& chain : chains) {
    const auto words = links_of(chain, links);
    if (!chooses_endpoints(chain.chain_class) || words.size() < kPortHashWords) {
      continue;
    }
    std::array<char, kPortHash> hash{};
    std::memcpy(hash.data(), words.data(), hash.size());
    for (Dispatch& dispatch :
         std::ranges::equal_range(dispatched, name_key(hash), {}, &Dispatch::port)) {
      dispatch.has_chain = true;
      for (const LinkWord name : words.subspan(kPortHashWords)) {
        const std::uint64_t backend = endpoints.find(name);
        dispatch.unclear |= backend == 0;
        to.endpoints.push_back(endpoint_key(dispatch.service, backend));
      }
    }
  }
  to.services.reserve(to.services.size() + dispatched.size());
  for (const Dispatch& dispatch : dispatched) {
    const bool clear = dispatch.has_chain && !dispatch.unclear;
    (clear ? to.services : to.unclear).push_back(dispatch.service);
  }
}

}  // namespace kubecliff::iptables
