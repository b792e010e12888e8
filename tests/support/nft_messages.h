// Builders of what nf_tables says: tables, chains, rules, generations.
//
//   const ByteVector message = nft_rule(
//       {.expressions = {nft_counter(7), nft_verdict(NFT_JUMP, "KUBE-SERVICES")}}, generation);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/kernel/address_family.h"
#include "tests/support/fake_netlink.h"
#include "tests/support/xtables_extension.h"

namespace kubecliff::test {

struct NftChainSpec {
  std::string table = "nat";
  std::string name;
  std::uint64_t handle = 0;
  std::uint32_t use = 0;
  bool base = false;  // has a hook
  AddressFamily family = AddressFamily::ipv4;
};

// An expression is what stands in one NFTA_LIST_ELEM.
[[nodiscard]] ByteVector nft_expression(std::string_view name, Bytes data = {});
[[nodiscard]] ByteVector nft_counter(std::uint64_t packets, std::uint64_t bytes = 0);
// NFT_JUMP and NFT_GOTO go to a chain; NF_DROP, NF_ACCEPT, NFT_RETURN do not.
[[nodiscard]] ByteVector nft_verdict(std::int32_t code, std::string_view chain = {});
// Loads a number into a register that is not the verdict's.
[[nodiscard]] ByteVector nft_load(std::uint32_t value);
// What is loaded into registers of four bytes, and what is done with it. Registers count from 0.
[[nodiscard]] ByteVector nft_load_l4proto(std::uint32_t to);
[[nodiscard]] ByteVector nft_load_payload(std::uint32_t base, std::uint32_t offset,
                                          std::uint32_t size, std::uint32_t to);
[[nodiscard]] ByteVector nft_load_bytes(Bytes bytes, std::uint32_t to);
[[nodiscard]] ByteVector nft_mask(std::uint32_t from, std::uint32_t to);
[[nodiscard]] ByteVector nft_compare(std::uint32_t from, std::uint32_t operation, Bytes bytes);
[[nodiscard]] ByteVector nft_nat(std::uint32_t type, std::uint32_t address, std::uint32_t port);
// How iptables-nft stores the extensions that nf_tables does not have.
[[nodiscard]] ByteVector nft_match(const XtablesExtension& match);
[[nodiscard]] ByteVector nft_target(const XtablesExtension& target);

struct NftRuleSpec {
  std::vector<ByteVector> expressions = {};
  std::string user_data = {};  // where iptables-nft keeps a comment
  std::uint64_t handle = 1;
  AddressFamily family = AddressFamily::ipv4;
};

struct NftTableSpec {
  std::string_view name;
  std::uint64_t handle = 1;
};

struct NftSetSpec {
  std::string_view name;
  std::optional<std::uint64_t> handle = 1;
  std::uint32_t flags = 0;
  std::optional<std::uint32_t> elements = {};  // NFTA_SET_COUNT, which not every kernel tells
};

// `generation` is the whole id; a message carries its low 16 bits.
[[nodiscard]] MessageBuilder nft_message(std::uint8_t command, AddressFamily family,
                                         std::uint32_t generation);
[[nodiscard]] ByteVector nft_generation(std::uint32_t generation);
[[nodiscard]] ByteVector nft_table(const NftTableSpec& table, AddressFamily family,
                                   std::uint32_t generation);
[[nodiscard]] ByteVector nft_set(const NftSetSpec& set, AddressFamily family,
                                 std::uint32_t generation);
[[nodiscard]] ByteVector nft_chain(const NftChainSpec& chain, std::uint32_t generation);
[[nodiscard]] ByteVector nft_rule(const NftRuleSpec& rule, std::uint32_t generation);

}  // namespace kubecliff::test
