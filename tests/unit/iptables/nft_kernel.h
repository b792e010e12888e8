// NftKernel: what a kernel's nf_tables would answer, from a ruleset that the test keeps.
//
//   NftKernel kernel;
//   kernel.add_chain({.name = "KUBE-SERVICES"}).rules = {{.jump = "KUBE-SVC-…"}};
//   NftReader reader{kernel.transport(), …};
//   kernel.questions()   // {"generation", "batch", "tables ipv4", "chains ipv4", "rules ipv4 nat
//   KUBE-…", …}
//
// Must outlive its transports. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/netlink_socket.h"
#include "tests/support/fake_netlink.h"

namespace kubecliff::test {

class NftKernel {
 public:
  struct Rule {
    std::string jump;
    std::vector<ByteVector> expressions = {};
    std::uint64_t packets = 0;
  };

  struct Chain {
    std::string table = "nat";
    std::string name;
    std::uint64_t handle = 0;  // given by add_chain
    AddressFamily family = AddressFamily::ipv4;
    bool base = false;
    std::vector<Rule> rules = {};
    // What NFTA_CHAIN_USE counts beside its rules and the jumps to it: elements of verdict maps,
    // and rules of a transaction that is being prepared.
    std::int64_t other_users = 0;
  };

  // Happens to the next question of that text, once.
  struct Trouble {
    std::string question;
    std::function<void()> before = {};       // changes the ruleset just before it is answered
    std::int32_t refusal = 0;                // negative errno: the kernel's whole answer
    std::optional<Error> failure = {};       // what receiving the answer fails with
    std::optional<ByteVector> message = {};  // in place of the answer
    bool nothing = false;                    // the answer is an empty dump
    bool interrupted = false;                // NLM_F_DUMP_INTR
  };

  Chain& add_chain(Chain chain);  // the reference stays valid until a chain is removed
  void remove_chain(std::string_view name);
  [[nodiscard]] Chain& chain(std::string_view name);
  // Makes what was changed since the last commit another generation.
  void commit() { ++generation; }
  void expect(Trouble trouble) { troubles_.push_back(std::move(trouble)); }

  [[nodiscard]] netlink::TransportFactory transport();
  // Since this was last asked.
  [[nodiscard]] std::vector<std::string> questions() { return std::exchange(questions_, {}); }
  [[nodiscard]] int times_opened() const { return times_opened_; }

  std::uint32_t generation = 1;
  std::uint64_t table_handle = 1;  // of every table

 private:
  class FakeTransport;
  struct Question {
    std::uint16_t type = 0;  // nlmsg_type
    AddressFamily family{};
    std::string table;
    std::string chain;

    [[nodiscard]] std::string text() const;
  };

  [[nodiscard]] static Question decode(Bytes request);
  [[nodiscard]] std::vector<ByteVector> answer(const Question& question) const;
  [[nodiscard]] std::uint32_t use(const Chain& chain) const;
  [[nodiscard]] Reply reply(Bytes request);

  std::deque<Chain> chains_;
  std::uint64_t last_handle_ = 0;
  std::vector<Trouble> troubles_;
  std::vector<std::string> questions_;
  int times_opened_ = 0;
};

}  // namespace kubecliff::test
