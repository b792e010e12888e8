#include "collectors/kernel/nft_generation.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <cstddef>

#include "collectors/kernel/bytes.h"

namespace kubecliff::netlink {

std::optional<std::uint16_t> decode_generation_tag(const Message& message) {
  return read_be<std::uint16_t>(message.payload, offsetof(nfgenmsg, res_id));
}

std::optional<std::uint32_t> decode_generation(const Message& message) {
  return read_be<std::uint32_t>(
      find_attribute(after_header(message.payload, sizeof(nfgenmsg)), NFTA_GEN_ID));
}

Result<std::uint32_t> read_generation(Socket& socket) {
  std::optional<std::uint32_t> generation;
  Request question = Request::nfnetlink(NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, 0, AF_UNSPEC);
  const Result<void> asked = socket.ask(question, [&](const Message& message) -> Result<void> {
    generation = decode_generation(message);
    return {};
  });
  if (!asked) {
    return std::unexpected(asked.error());
  }
  if (!generation) {
    return fail(ErrorKind::malformed, "generation message without a generation");
  }
  return *generation;
}

}  // namespace kubecliff::netlink
