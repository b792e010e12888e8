#include "tests/support/nft_messages.h"

#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include <span>

namespace kubecliff::test {
namespace {

void put_text(MessageBuilder& builder, std::uint16_t type, std::string_view text) {
  const std::string terminated{text};
  builder.attribute(type, std::as_bytes(std::span{terminated.c_str(), terminated.size() + 1}));
}

void put_be64(MessageBuilder& builder, std::uint16_t type, std::uint64_t value) {
  const std::uint64_t swapped = htobe64(value);
  builder.attribute(type, std::as_bytes(std::span{&swapped, 1}));
}

// Attributes without the message around them.
template <typename Fill>
ByteVector attributes(Fill&& fill) {
  MessageBuilder builder{0};
  fill(builder);
  return builder.payload();
}

ByteVector immediate(std::uint32_t destination, Bytes value) {
  return nft_expression("immediate", attributes([&](MessageBuilder& builder) {
                          builder.be32(NFTA_IMMEDIATE_DREG, destination);
                          builder.attribute(NFTA_IMMEDIATE_DATA | NLA_F_NESTED, value);
                        }));
}

}  // namespace

ByteVector nft_expression(std::string_view name, Bytes data) {
  return attributes([&](MessageBuilder& builder) {
    put_text(builder, NFTA_EXPR_NAME, name);
    builder.attribute(NFTA_EXPR_DATA | NLA_F_NESTED, data);
  });
}

ByteVector nft_counter(std::uint64_t packets, std::uint64_t bytes) {
  return nft_expression("counter", attributes([&](MessageBuilder& builder) {
                          put_be64(builder, NFTA_COUNTER_BYTES, bytes);
                          put_be64(builder, NFTA_COUNTER_PACKETS, packets);
                        }));
}

ByteVector nft_verdict(std::int32_t code, std::string_view chain) {
  return immediate(NFT_REG_VERDICT, attributes([&](MessageBuilder& builder) {
                     builder.nest(NFTA_DATA_VERDICT | NLA_F_NESTED, [&](MessageBuilder& nested) {
                       nested.be32(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(code));
                       if (!chain.empty()) {
                         put_text(nested, NFTA_VERDICT_CHAIN, chain);
                       }
                     });
                   }));
}

ByteVector nft_load(std::uint32_t value) {
  return immediate(NFT_REG_1, attributes([&](MessageBuilder& builder) {
                     builder.be32(NFTA_DATA_VALUE, value);
                   }));
}

ByteVector nft_load_l4proto(std::uint32_t to) {
  return nft_expression(
      "meta", attributes([&](MessageBuilder& builder) {
        builder.be32(NFTA_META_KEY, NFT_META_L4PROTO).be32(NFTA_META_DREG, NFT_REG32_00 + to);
      }));
}

ByteVector nft_load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t size,
                            std::uint32_t to) {
  return nft_expression("payload", attributes([&](MessageBuilder& builder) {
                          builder.be32(NFTA_PAYLOAD_DREG, NFT_REG32_00 + to)
                              .be32(NFTA_PAYLOAD_BASE, base)
                              .be32(NFTA_PAYLOAD_OFFSET, offset)
                              .be32(NFTA_PAYLOAD_LEN, size);
                        }));
}

ByteVector nft_load_bytes(Bytes bytes, std::uint32_t to) {
  return immediate(NFT_REG32_00 + to, attributes([&](MessageBuilder& builder) {
                     builder.attribute(NFTA_DATA_VALUE, bytes);
                   }));
}

ByteVector nft_mask(std::uint32_t from, std::uint32_t to) {
  return nft_expression("bitwise", attributes([&](MessageBuilder& builder) {
                          builder.be32(NFTA_BITWISE_SREG, NFT_REG32_00 + from)
                              .be32(NFTA_BITWISE_DREG, NFT_REG32_00 + to);
                        }));
}

ByteVector nft_compare(std::uint32_t from, std::uint32_t operation, Bytes bytes) {
  return nft_expression("cmp", attributes([&](MessageBuilder& builder) {
                          builder.be32(NFTA_CMP_SREG, NFT_REG32_00 + from)
                              .be32(NFTA_CMP_OP, operation)
                              .nest(NFTA_CMP_DATA | NLA_F_NESTED, [&](MessageBuilder& data) {
                                data.attribute(NFTA_DATA_VALUE, bytes);
                              });
                        }));
}

ByteVector nft_nat(std::uint32_t type, std::uint32_t address, std::uint32_t port) {
  return nft_expression("nat", attributes([&](MessageBuilder& builder) {
                          builder.be32(NFTA_NAT_TYPE, type)
                              .be32(NFTA_NAT_FAMILY, NFPROTO_IPV4)
                              .be32(NFTA_NAT_REG_ADDR_MIN, NFT_REG32_00 + address)
                              .be32(NFTA_NAT_REG_ADDR_MAX, NFT_REG32_00 + address)
                              .be32(NFTA_NAT_REG_PROTO_MIN, NFT_REG32_00 + port)
                              .be32(NFTA_NAT_REG_PROTO_MAX, NFT_REG32_00 + port);
                        }));
}

ByteVector nft_match(const XtablesExtension& match) {
  return nft_expression("match", attributes([&](MessageBuilder& builder) {
                          put_text(builder, NFTA_MATCH_NAME, match.name);
                          builder.be32(NFTA_MATCH_REV, match.revision);
                          builder.attribute(NFTA_MATCH_INFO, match.info);
                        }));
}

ByteVector nft_target(const XtablesExtension& target) {
  return nft_expression("target", attributes([&](MessageBuilder& builder) {
                          put_text(builder, NFTA_TARGET_NAME, target.name);
                          builder.be32(NFTA_TARGET_REV, target.revision);
                          builder.attribute(NFTA_TARGET_INFO, target.info);
                        }));
}

MessageBuilder nft_message(std::uint8_t command, AddressFamily family, std::uint32_t generation) {
  MessageBuilder builder{static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8U) | command)};
  builder.raw(nfgenmsg{.nfgen_family = af(family),
                       .version = NFNETLINK_V0,
                       .res_id = htobe16(static_cast<std::uint16_t>(generation))});
  return builder;
}

ByteVector nft_generation(std::uint32_t generation) {
  return nft_message(NFT_MSG_NEWGEN, AddressFamily::ipv4, generation)
      .be32(NFTA_GEN_ID, generation)
      .message();
}

ByteVector nft_table(const NftTableSpec& table, AddressFamily family, std::uint32_t generation) {
  MessageBuilder builder = nft_message(NFT_MSG_NEWTABLE, family, generation);
  put_text(builder, NFTA_TABLE_NAME, table.name);
  put_be64(builder, NFTA_TABLE_HANDLE, table.handle);
  builder.be32(NFTA_TABLE_FLAGS, 0);
  return builder.message();
}

ByteVector nft_set(const NftSetSpec& set, AddressFamily family, std::uint32_t generation) {
  constexpr std::uint16_t kCount = 20;  // NFTA_SET_COUNT, which older headers do not have
  MessageBuilder builder = nft_message(NFT_MSG_NEWSET, family, generation);
  put_text(builder, NFTA_SET_NAME, set.name);
  builder.be32(NFTA_SET_FLAGS, set.flags);
  if (set.handle) {
    put_be64(builder, NFTA_SET_HANDLE, *set.handle);
  }
  if (set.elements) {
    builder.be32(kCount, *set.elements);
  }
  return builder.message();
}

ByteVector nft_chain(const NftChainSpec& chain, std::uint32_t generation) {
  MessageBuilder builder = nft_message(NFT_MSG_NEWCHAIN, chain.family, generation);
  put_text(builder, NFTA_CHAIN_TABLE, chain.table);
  put_text(builder, NFTA_CHAIN_NAME, chain.name);
  put_be64(builder, NFTA_CHAIN_HANDLE, chain.handle);
  if (chain.base) {
    builder.nest(NFTA_CHAIN_HOOK | NLA_F_NESTED, [](MessageBuilder& hook) {
      hook.be32(NFTA_HOOK_HOOKNUM, 0).be32(NFTA_HOOK_PRIORITY, 0);
    });
  }
  builder.be32(NFTA_CHAIN_USE, chain.use);
  return builder.message();
}

ByteVector nft_rule(const NftRuleSpec& rule, std::uint32_t generation) {
  MessageBuilder builder = nft_message(NFT_MSG_NEWRULE, rule.family, generation);
  put_text(builder, NFTA_RULE_TABLE, "nat");
  put_text(builder, NFTA_RULE_CHAIN, "any");
  put_be64(builder, NFTA_RULE_HANDLE, rule.handle);
  builder.nest(NFTA_RULE_EXPRESSIONS | NLA_F_NESTED, [&](MessageBuilder& list) {
    for (const ByteVector& expression : rule.expressions) {
      list.attribute(NFTA_LIST_ELEM | NLA_F_NESTED, expression);
    }
  });
  if (!rule.user_data.empty()) {
    builder.attribute(NFTA_RULE_USERDATA, std::as_bytes(std::span{rule.user_data}));
  }
  return builder.message();
}

}  // namespace kubecliff::test
