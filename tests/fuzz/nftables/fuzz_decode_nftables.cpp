// One datagram of nf_tables: each message through its decoder.
#include <linux/netfilter/nf_tables.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/nftables.h"
#include "collectors/nftables/decode_nftables.h"

namespace {

void take_elements(const kubecliff::netlink::Message& message) {
  using namespace kubecliff;            // NOLINT(*-using-namespace)
  using namespace kubecliff::nftables;  // NOLINT(*-using-namespace)

  std::size_t count = 0;
  Elements elements{message};
  for (Element element; elements.next(element);) {
    ++count;
    for (const AddressFamily family : kAddressFamilies) {
      if (const auto dispatch = decode_dispatch(element, family);
          dispatch && dispatch->service == 0) {
        std::abort();
      }
      static_cast<void>(decode_backend(element, family));
    }
  }
  if (count > message.payload.size()) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;            // NOLINT(*-using-namespace)
  using namespace kubecliff::nftables;  // NOLINT(*-using-namespace)

  netlink::Messages messages{std::as_bytes(std::span{data, size})};
  for (netlink::Message message; messages.next(message);) {
    switch (message.header.nlmsg_type & 0xffU) {
      case NFT_MSG_NEWTABLE:
        static_cast<void>(netlink::decode_nft_table(message));
        break;
      case NFT_MSG_NEWSET:
        if (const auto set = decode_set(message); set && set->name.empty()) {
          std::abort();
        }
        break;
      case NFT_MSG_NEWRULE:
        if (const auto choice = decode_choice(message);
            choice && (choice->map.empty() || choice->count == 0)) {
          std::abort();
        }
        for (const AddressFamily family : kAddressFamilies) {
          const Translation to = decode_translation(message, family);
          if (!to.address.empty() && to.address.size() != address_size(family)) {
            std::abort();
          }
        }
        break;
      case NFT_MSG_NEWSETELEM:
        take_elements(message);
        break;
      default:
        break;
    }
  }
  return 0;
}
