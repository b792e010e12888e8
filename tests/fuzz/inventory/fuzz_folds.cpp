// One datagram of nf_tables, once as rules of iptables-nft and once as kube-proxy's own table: what
// comes out is in order and bounded.
#include <linux/netfilter/nf_tables.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "collectors/inventory/iptables_fold.h"
#include "collectors/inventory/names.h"
#include "collectors/inventory/nftables_fold.h"
#include "collectors/inventory/service_index.h"
#include "collectors/inventory/uneven.h"
#include "collectors/iptables/decode_nft.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/nftables.h"
#include "collectors/nftables/decode_nftables.h"

namespace {

using namespace kubecliff;             // NOLINT(*-using-namespace)
using namespace kubecliff::inventory;  // NOLINT(*-using-namespace)

void take_elements(const netlink::Message& message, NftablesFold& fold) {
  const auto map = text_of(
      netlink::find_attribute(netlink::nftables_attributes(message), NFTA_SET_ELEM_LIST_SET));
  const std::vector<NftablesFold::Choice> choices = fold.choices();
  nftables::Elements elements{message, nftables::Comments::yes};
  for (nftables::Element element; elements.next(element);) {
    if (is_verdict_map(map)) {
      fold.add_dispatch(map, element);
    }
    for (const NftablesFold::Choice& choice : choices) {
      if (choice.map == map) {
        fold.add_endpoint(choice, element);
      }
    }
  }
}

void check(const Services& services) {
  for (const Service& service : services.services) {
    if (service.name.size() > kLongestName || service.endpoints.size() > service.endpoint_count ||
        (service.clear && service.endpoints.size() != service.endpoint_count)) {
      std::abort();
    }
    static_cast<void>(uneven(service));
  }
  const ServiceIndex index{services};
  for (const ServiceAddress& address : services.addresses) {
    if (address.service >= services.services.size()) {
      std::abort();
    }
    if (!address.address.empty() &&
        index.find(address.protocol, address.address.view(), address.port) == nullptr) {
      std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kRoom = 64;
  IptablesFold iptables{Dataplane::iptables_nft, AddressFamily::ipv4, kRoom};
  NftablesFold nftables{AddressFamily::ipv6, kRoom};
  netlink::Messages messages{std::as_bytes(std::span{data, size})};
  for (netlink::Message message; messages.next(message);) {
    switch (message.header.nlmsg_type & 0xffU) {
      case NFT_MSG_NEWCHAIN:
        if (const auto chain = netlink::decode_nft_chain(message)) {
          iptables.begin_chain(chain->name);
          nftables.begin_chain(chain->name);
          static_cast<void>(name_in_chain(chain->name));
        }
        break;
      case NFT_MSG_NEWRULE:
        nftables.add_rule(message);
        if (const auto rule = iptables::decode_rule(message, iptables::Detail::comments)) {
          iptables.add(*rule);
        }
        break;
      case NFT_MSG_NEWSETELEM:
        take_elements(message, nftables);
        break;
      default:
        break;
    }
  }
  Services services;
  iptables.finish(services);
  nftables.finish(services);
  check(services);
  if (services.services.size() > 2 * kRoom) {
    std::abort();
  }
  return 0;
}
