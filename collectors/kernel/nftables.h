// nf_tables over netlink: the questions, what every answer carries, and when answers can be
// believed. Decoders are pure functions over bytes; the views they give point into the message.
// Source: include/uapi/linux/netfilter/nf_tables.h, net/netfilter/nf_tables_api.c.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/core/result.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/netlink_socket.h"

namespace kubecliff::netlink {

inline constexpr Feature kNfTables{
    .module = "nf_tables", .config = "CONFIG_NF_TABLES", .symbol = "nf_tables_newtable"};

// NFT_MSG_GETTABLE and so on; `family` is NFPROTO_IPV4, ….
[[nodiscard]] Request nftables_request(std::uint8_t command, std::uint16_t flags,
                                       std::uint8_t family);

// What follows nfgenmsg.
[[nodiscard]] Bytes nftables_attributes(const Message& message);

// The lower half of the generation that every message of nf_tables carries; nothing where the
// message has no header.
[[nodiscard]] std::optional<std::uint16_t> decode_generation_tag(const Message& message);

// The answer to NFT_MSG_GETGEN; nothing where the message has no generation.
[[nodiscard]] std::optional<std::uint32_t> decode_generation(const Message& message);

struct NftTable {
  std::string_view name;
  std::uint64_t handle = 0;  // a table made anew under its old name has another; 0: kernels < 4.16
  std::uint32_t use = 0;     // chains, sets and maps with a name, flow tables, objects
};

struct NftChain {
  std::string_view table;
  std::string_view name;
  std::uint64_t handle = 0;  // grows with each chain that is made; dumps come in its order
  std::uint32_t use = 0;     // its rules, jumps to it, and elements of verdict maps that go to it
  bool hooked = false;       // a base chain
};

struct NftExpression {
  std::string_view name;
  Bytes data;
};

// Nothing where the message lacks what every message of its kind has.
[[nodiscard]] std::optional<NftTable> decode_nft_table(const Message& message);
[[nodiscard]] std::optional<NftChain> decode_nft_chain(const Message& message);
// One NFTA_LIST_ELEM of NFTA_RULE_EXPRESSIONS.
[[nodiscard]] std::optional<NftExpression> decode_nft_expression(Bytes element);

// The comment in the user data of a rule or an element: records of a type, a size and so many
// bytes, as libnftnl writes them, of which type 0 is the comment in both. Empty where there is
// none, or what comes before it is broken.
[[nodiscard]] std::string_view decode_nft_comment(Bytes user_data);

// NFT_MSG_GETGEN: some 3 us, whatever the ruleset. Every commit in the network namespace moves the
// number. Loads nf_tables where that is a module: only for callers that know it to be there.
[[nodiscard]] Result<std::uint32_t> read_generation(Socket& socket);

// Whether the message is of that generation.
[[nodiscard]] bool belongs(const Message& message, std::uint32_t generation);

// What a visitor returns for a message that is not.
[[nodiscard]] std::unexpected<Error> ruleset_changed();

// Asks for the generation once more; ruleset_changed() where it is another one.
[[nodiscard]] Result<void> expect_generation(Socket& socket, std::uint32_t generation);

// Waits for transactions that are under way.
//
// The generation's number moves early in a commit; until the commit is through, the old chains stay
// linked beside the new ones, and dumps skip chains, repeat them, or look for rules in a table that
// is on its way out. And while a transaction is being prepared, NFTA_CHAIN_USE and NFTA_SET_COUNT
// already move. A batch waits for the lock that transactions hold; this one is for a generation
// that is not the current one, so the kernel refuses to begin it. Batches of other network
// namespaces wait as long as ours, as they do behind any second writer.
class CommitWait {
 public:
  // Returns when no transaction is under way.
  [[nodiscard]] Result<void> wait(Socket& socket, std::uint32_t generation);

 private:
  bool possible_ = true;
};

}  // namespace kubecliff::netlink
