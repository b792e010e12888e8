#include "tests/unit/iptables/nft_kernel.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "collectors/kernel/netlink_message.h"
#include "tests/support/nft_messages.h"

namespace kubecliff::test {
namespace {

template <typename T>
void overwrite(ByteVector& bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

constexpr std::uint16_t of_nftables(std::uint8_t command) {
  return NFNL_SUBSYS_NFTABLES << 8U | command;
}

AddressFamily family_of(Bytes request) {
  const auto header = read_as<nfgenmsg>(request, sizeof(nlmsghdr)).value_or(nfgenmsg{});
  return header.nfgen_family == AF_INET6 ? AddressFamily::ipv6 : AddressFamily::ipv4;
}

}  // namespace

class NftKernel::FakeTransport final : public netlink::Transport {
 public:
  explicit FakeTransport(NftKernel& kernel) : kernel_{kernel} {}

  Result<void> send(Bytes request) override {
    reply_ = kernel_.reply(request);
    return {};
  }

  Result<netlink::Datagram> receive() override {
    if (!reply_) {
      return fail(ErrorKind::timeout, ETIMEDOUT, "silence");
    }
    current_ = std::move(*reply_);
    reply_.reset();
    if (current_.failure) {
      return std::unexpected(*current_.failure);
    }
    return netlink::Datagram{current_.datagram, current_.sender_port};
  }

 private:
  NftKernel& kernel_;
  std::optional<Reply> reply_;
  Reply current_;
};

std::string NftKernel::Question::text() const {
  const std::string of_family = ' ' + std::string{name(family)};
  switch (type) {
    case NFNL_MSG_BATCH_BEGIN:
      return "batch";
    case of_nftables(NFT_MSG_GETGEN):
      return "generation";
    case of_nftables(NFT_MSG_GETTABLE):
      return "tables" + of_family;
    case of_nftables(NFT_MSG_GETCHAIN):
      return "chains" + of_family;
    case of_nftables(NFT_MSG_GETRULE):
      return "rules" + of_family + ' ' + table + ' ' + chain;
    default:
      throw std::invalid_argument{"a question that was not expected"};
  }
}

NftKernel::Chain& NftKernel::add_chain(Chain chain) {
  chain.handle = ++last_handle_;
  return chains_.emplace_back(std::move(chain));
}

void NftKernel::remove_chain(std::string_view name) {
  std::erase_if(chains_, [&](const Chain& chain) { return chain.name == name; });
}

NftKernel::Chain& NftKernel::chain(std::string_view name) {
  return *std::ranges::find(chains_, name, &Chain::name);
}

netlink::TransportFactory NftKernel::transport() {
  return [this]() -> Result<std::unique_ptr<netlink::Transport>> {
    ++times_opened_;
    return std::make_unique<FakeTransport>(*this);
  };
}

NftKernel::Question NftKernel::decode(Bytes request) {
  Question question{.type = header_of(request).nlmsg_type,
                    .family = family_of(request),
                    .table = {},
                    .chain = {}};
  if (question.type == of_nftables(NFT_MSG_GETRULE)) {
    const Bytes attributes = request.subspan(sizeof(nlmsghdr) + sizeof(nfgenmsg));
    question.table = text_of(netlink::find_attribute(attributes, NFTA_RULE_TABLE));
    question.chain = text_of(netlink::find_attribute(attributes, NFTA_RULE_CHAIN));
  }
  return question;
}

std::uint32_t NftKernel::use(const Chain& chain) const {
  std::int64_t users = static_cast<std::int64_t>(chain.rules.size()) + chain.other_users;
  for (const Chain& other : chains_) {
    if (other.family == chain.family && other.table == chain.table) {
      users += std::ranges::count(other.rules, chain.name, &Rule::jump);
    }
  }
  return static_cast<std::uint32_t>(users);
}

std::vector<ByteVector> NftKernel::answer(const Question& question) const {
  std::vector<ByteVector> messages;
  if (question.type == NFNL_MSG_BATCH_BEGIN) {
    messages.push_back(error(-ERESTART));
    return messages;
  }
  if (question.type == of_nftables(NFT_MSG_GETGEN)) {
    messages.push_back(nft_generation(generation));
    return messages;
  }
  std::vector<std::string> tables;
  for (const Chain& chain : chains_) {
    if (chain.family != question.family) {
      continue;
    }
    if (std::ranges::find(tables, chain.table) == tables.end()) {
      tables.push_back(chain.table);
      if (question.type == of_nftables(NFT_MSG_GETTABLE)) {
        messages.push_back(
            nft_table({.name = chain.table, .handle = table_handle}, chain.family, generation));
      }
    }
    if (question.type == of_nftables(NFT_MSG_GETCHAIN)) {
      messages.push_back(nft_chain({.table = chain.table,
                                    .name = chain.name,
                                    .handle = chain.handle,
                                    .use = use(chain),
                                    .base = chain.base,
                                    .family = chain.family},
                                   generation));
    }
    if (question.type == of_nftables(NFT_MSG_GETRULE) && chain.table == question.table &&
        chain.name == question.chain) {
      for (const Rule& rule : chain.rules) {
        std::vector<ByteVector> expressions = rule.expressions;
        expressions.push_back(nft_counter(rule.packets));
        if (!rule.jump.empty()) {
          expressions.push_back(nft_verdict(NFT_JUMP, rule.jump));
        }
        messages.push_back(
            nft_rule({.expressions = std::move(expressions), .family = chain.family}, generation));
      }
    }
  }
  messages.push_back(done());
  return messages;
}

Reply NftKernel::reply(Bytes request) {
  const Question question = decode(request);
  questions_.push_back(question.text());
  Trouble trouble;
  const auto expected = std::ranges::find(troubles_, questions_.back(), &Trouble::question);
  if (expected != troubles_.end()) {
    trouble = std::move(*expected);
    troubles_.erase(expected);
  }

  if (trouble.before) {
    trouble.before();
  }
  if (trouble.failure) {
    return failure(std::move(*trouble.failure));
  }
  std::vector<ByteVector> messages = answer(question);
  if (trouble.refusal != 0) {
    messages = {error(trouble.refusal)};
  } else if (trouble.message) {
    messages.front() = *trouble.message;
  } else if (trouble.nothing) {
    messages = {done()};
  }
  for (ByteVector& message : messages) {
    overwrite(message, offsetof(nlmsghdr, nlmsg_seq), header_of(request).nlmsg_seq);
    if (trouble.interrupted) {
      overwrite(message, offsetof(nlmsghdr, nlmsg_flags), std::uint16_t{NLM_F_DUMP_INTR});
    }
  }
  return datagram(messages);
}

}  // namespace kubecliff::test
