// LegacyBlobBuilder: tables of legacy xtables, byte by byte as IPT_SO_GET_ENTRIES gives them.
//
//   LegacyBlob blob = LegacyBlobBuilder{AddressFamily::ipv4}
//                         .hook(NF_INET_PRE_ROUTING)
//                         .rule({.matches = {comment("portals")}, .target = jump("KUBE-SERVICES")})
//                         .chain("KUBE-SERVICES")
//                         .rule({.target = verdict(NF_DROP)})
//                         .build();
//
// Policies, chain heads, implicit returns and the ERROR target at the end are put in by themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "collectors/kernel/address_family.h"
#include "collectors/kernel/xtables_socket.h"
#include "tests/support/fake_netlink.h"
#include "tests/support/xtables_extension.h"

namespace kubecliff::test {

// What a rule does. A chain may be jumped to before it is built.
struct Fallthrough {};  // no target
struct Jump {
  std::string chain;
  bool is_goto = false;
};
struct Verdict {
  std::int32_t code = 0;  // as the kernel stores it
};
using LegacyTarget = std::variant<Fallthrough, Jump, Verdict, XtablesExtension>;

[[nodiscard]] LegacyTarget jump(std::string chain);
[[nodiscard]] LegacyTarget go_to(std::string chain);
[[nodiscard]] LegacyTarget verdict(unsigned code);  // NF_ACCEPT, NF_DROP
[[nodiscard]] LegacyTarget return_to_caller();

struct LegacyRule {
  std::vector<XtablesExtension> matches = {};
  LegacyTarget target = Fallthrough{};
  std::uint16_t protocol = 0;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

struct LegacyBlob {
  AddressFamily family{};
  ByteVector bytes;
  xtables::TableInfo info;
  std::vector<std::size_t> entries;  // where each begins

  // Writes over what is there. Offsets of fields in an entry are the family's: see ipt_entry.
  template <typename T>
  LegacyBlob& poke(std::size_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
    return *this;
  }
};

class LegacyBlobBuilder {
 public:
  explicit LegacyBlobBuilder(AddressFamily family) : family_{family} {}

  // Begins the built-in chain of that hook, or a chain of one's own; `rule` adds to the last one.
  LegacyBlobBuilder& hook(unsigned hook);
  LegacyBlobBuilder& chain(std::string name);
  LegacyBlobBuilder& rule(LegacyRule rule = {});

  // A jump to a chain that was not built leads to the blob's first byte.
  [[nodiscard]] LegacyBlob build() const;

 private:
  struct Chain {
    bool built_in = false;
    unsigned hook = 0;
    std::string name;
    std::vector<LegacyRule> rules;
  };

  AddressFamily family_;
  std::vector<Chain> chains_;
};

}  // namespace kubecliff::test
