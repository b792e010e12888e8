#include "collectors/kernel/nftables.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>

#include "collectors/kernel/bytes.h"

namespace kubecliff::netlink {
Request nftables_request(std::uint8_t command, std::uint16_t flags, std::uint8_t family) {
  return Request::nfnetlink(NFNL_SUBSYS_NFTABLES, command, flags, family);
}

Bytes nftables_attributes(const Message& message) {
  return after_header(message.payload, sizeof(nfgenmsg));
}

std::optional<std::uint16_t> decode_generation_tag(const Message& message) {
  return read_be<std::uint16_t>(message.payload, offsetof(nfgenmsg, res_id));
}

std::optional<std::uint32_t> decode_generation(const Message& message) {
  return read_be<std::uint32_t>(find_attribute(nftables_attributes(message), NFTA_GEN_ID));
}

std::optional<NftTable> decode_nft_table(const Message& message) {
  const Bytes attributes = nftables_attributes(message);
  const NftTable table{
      .name = text_of(find_attribute(attributes, NFTA_TABLE_NAME)),
      .handle = read_be<std::uint64_t>(find_attribute(attributes, NFTA_TABLE_HANDLE)).value_or(0),
      .use = read_be<std::uint32_t>(find_attribute(attributes, NFTA_TABLE_USE)).value_or(0)};
  return table.name.empty() ? std::nullopt : std::optional{table};
}

std::optional<NftChain> decode_nft_chain(const Message& message) {
  NftChain chain;
  std::optional<std::uint64_t> handle;
  std::optional<std::uint32_t> use;
  Attribute attribute;
  Attributes attributes{nftables_attributes(message)};
  while (attributes.next(attribute)) {
    switch (attribute.type) {
      case NFTA_CHAIN_TABLE:
        chain.table = text_of(attribute.payload);
        break;
      case NFTA_CHAIN_NAME:
        chain.name = text_of(attribute.payload);
        break;
      case NFTA_CHAIN_HANDLE:
        handle = read_be<std::uint64_t>(attribute.payload);
        break;
      case NFTA_CHAIN_USE:
        use = read_be<std::uint32_t>(attribute.payload);
        break;
      case NFTA_CHAIN_HOOK:
        chain.hooked = true;
        break;
      default:
        break;
    }
  }
  if (attributes.malformed() || !handle || !use || chain.table.empty() || chain.name.empty()) {
    return std::nullopt;
  }
  chain.handle = *handle;
  chain.use = *use;
  return chain;
}

std::optional<NftExpression> decode_nft_expression(Bytes element) {
  NftExpression expression;
  Attribute attribute;
  Attributes attributes{element};
  while (attributes.next(attribute)) {
    if (attribute.type == NFTA_EXPR_NAME) {
      expression.name = text_of(attribute.payload);
    } else if (attribute.type == NFTA_EXPR_DATA) {
      expression.data = attribute.payload;
    }
  }
  return attributes.malformed() || expression.name.empty() ? std::nullopt
                                                           : std::optional{expression};
}

std::string_view decode_nft_comment(Bytes user_data) {
  constexpr std::size_t kHeader = 2;
  constexpr std::byte kComment{0};  // NFTNL_UDATA_RULE_COMMENT, NFTNL_UDATA_SET_ELEM_COMMENT
  while (user_data.size() >= kHeader) {
    const auto size = std::to_integer<std::size_t>(user_data[1]);
    if (size > user_data.size() - kHeader) {
      break;
    }
    const Bytes value = user_data.subspan(kHeader, size);
    if (user_data[0] == kComment) {
      return text_of(value);
    }
    user_data = user_data.subspan(kHeader + size);
  }
  return {};
}

Result<std::uint32_t> read_generation(Socket& socket) {
  std::optional<std::uint32_t> generation;
  Request question = nftables_request(NFT_MSG_GETGEN, 0, AF_UNSPEC);
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

bool belongs(const Message& message, std::uint32_t generation) {
  return decode_generation_tag(message) == static_cast<std::uint16_t>(generation);
}

std::unexpected<Error> ruleset_changed() {
  return fail(ErrorKind::torn, "the ruleset changed while it was read");
}

Result<void> expect_generation(Socket& socket, std::uint32_t generation) {
  const Result<std::uint32_t> now = read_generation(socket);
  if (!now) {
    return std::unexpected(now.error());
  }
  return *now == generation ? Result<void>{} : ruleset_changed();
}

Result<void> CommitWait::wait(Socket& socket, std::uint32_t generation) {
  if (!possible_) {
    return {};
  }
  Request batch = Request::nfnetlink(NFNL_SUBSYS_NONE, NFNL_MSG_BATCH_BEGIN, NLM_F_ACK, AF_UNSPEC,
                                     NFNL_SUBSYS_NFTABLES);
  const std::uint32_t never = htonl(~generation);
  batch.put(NFNL_BATCH_GENID, bytes_of(never));
  const Result<void> begun = socket.ask(batch, [](const Message&) -> Result<void> { return {}; });
  if (begun || begun.error().errno_value == ERESTART) {
    return {};
  }
  if (begun.error().kind == ErrorKind::timeout) {
    // A kernel that does not know the attribute begins the batch, and gives it up without a word.
    possible_ = false;
    return {};
  }
  return prefixed("nft: wait for the commit", begun.error());
}

}  // namespace kubecliff::netlink
