#include "tests/support/fake_netlink.h"

#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <span>
#include <utility>

#include <gtest/gtest.h>

#include "collectors/kernel/netlink_message.h"

namespace kubecliff::test {
namespace {

void append(ByteVector& bytes, Bytes more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

template <typename T>
void overwrite(ByteVector& bytes, std::size_t offset, const T& value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

void pad(ByteVector& bytes) {
  bytes.resize(NLMSG_ALIGN(bytes.size()));
}

ByteVector control(std::uint16_t type, std::int32_t status) {
  MessageBuilder builder{type};
  builder.raw(status);
  if (type == NLMSG_ERROR) {
    builder.raw(nlmsghdr{});  // of the question that it answers
  }
  return builder.message();
}

// Real messages carry the number of the question that they answered when they were captured.
void set_sequence(ByteVector& datagram, std::uint32_t sequence) {
  netlink::Messages messages{datagram};
  for (netlink::Message message; messages.next(message);) {
    const auto* const header = message.payload.data() - sizeof(nlmsghdr);
    const auto offset = static_cast<std::size_t>(header - datagram.data());
    overwrite(datagram, offset + offsetof(nlmsghdr, nlmsg_seq), sequence);
  }
}

}  // namespace

MessageBuilder::MessageBuilder(std::uint16_t type, std::uint16_t flags) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  raw(header);
}

MessageBuilder& MessageBuilder::raw(Bytes bytes) {
  append(bytes_, bytes);
  return *this;
}

MessageBuilder& MessageBuilder::attribute(std::uint16_t type, Bytes payload) {
  const std::size_t start = open_nest(type);
  raw(payload);
  return close_nest(start);
}

MessageBuilder& MessageBuilder::be32(std::uint16_t type, std::uint32_t value) {
  const std::uint32_t swapped = htobe32(value);
  return attribute(type, std::as_bytes(std::span{&swapped, 1}));
}

MessageBuilder& MessageBuilder::u8(std::uint16_t type, std::uint8_t value) {
  return attribute(type, std::as_bytes(std::span{&value, 1}));
}

std::size_t MessageBuilder::open_nest(std::uint16_t type) {
  const std::size_t start = bytes_.size();
  raw(nlattr{.nla_len = 0, .nla_type = type});
  return start;
}

MessageBuilder& MessageBuilder::close_nest(std::size_t start) {
  overwrite(bytes_, start + offsetof(nlattr, nla_len),
            static_cast<std::uint16_t>(bytes_.size() - start));
  pad(bytes_);
  return *this;
}

ByteVector MessageBuilder::message() const {
  ByteVector bytes = bytes_;
  overwrite(bytes, offsetof(nlmsghdr, nlmsg_len), static_cast<std::uint32_t>(bytes.size()));
  return bytes;
}

ByteVector MessageBuilder::payload() const {
  return {bytes_.begin() + sizeof(nlmsghdr), bytes_.end()};
}

MessageBuilder ctnetlink_message(std::uint8_t command, std::uint8_t family,
                                 std::uint16_t resource) {
  MessageBuilder builder{static_cast<std::uint16_t>((NFNL_SUBSYS_CTNETLINK << 8U) | command)};
  builder.raw(
      nfgenmsg{.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htobe16(resource)});
  return builder;
}

nlmsghdr header_of(Bytes datagram) {
  return read_as<nlmsghdr>(datagram).value_or(nlmsghdr{});
}

ByteVector done(std::int32_t status) {
  return control(NLMSG_DONE, status);
}

ByteVector error(std::int32_t status) {
  return control(NLMSG_ERROR, status);
}

Reply datagram(const std::vector<ByteVector>& messages) {
  Reply reply;
  for (const ByteVector& message : messages) {
    append(reply.datagram, message);
    pad(reply.datagram);
  }
  return reply;
}

Reply failure(Error error) {
  Reply reply;
  reply.failure = std::move(error);
  return reply;
}

struct FakeNetlink::State {
  std::deque<std::vector<Reply>> script;
  std::vector<ByteVector> questions;
  int times_opened = 0;
};

class FakeNetlink::FakeTransport final : public netlink::Transport {
 public:
  explicit FakeTransport(std::shared_ptr<State> state) : state_{std::move(state)} {}

  Result<void> send(Bytes request) override {
    state_->questions.emplace_back(request.begin(), request.end());
    if (state_->script.empty()) {
      return {};
    }
    const std::uint32_t sequence = header_of(request).nlmsg_seq;
    for (Reply& reply : state_->script.front()) {
      set_sequence(reply.datagram, sequence - reply.questions_ago);
      replies_.push_back(std::move(reply));
    }
    state_->script.pop_front();
    return {};
  }

  Result<netlink::Datagram> receive() override {
    if (replies_.empty()) {
      return fail(ErrorKind::timeout, ETIMEDOUT, "silence");
    }
    current_ = std::move(replies_.front());
    replies_.pop_front();
    if (current_.failure) {
      return std::unexpected(*current_.failure);
    }
    return netlink::Datagram{current_.datagram, current_.sender_port};
  }

 private:
  std::shared_ptr<State> state_;
  std::deque<Reply> replies_;
  Reply current_;
};

FakeNetlink::FakeNetlink() : state_{std::make_shared<State>()} {}

FakeNetlink& FakeNetlink::answer(std::vector<Reply> replies) {
  state_->script.push_back(std::move(replies));
  return *this;
}

netlink::TransportFactory FakeNetlink::transport() const {
  return [state = state_]() -> Result<std::unique_ptr<netlink::Transport>> {
    ++state->times_opened;
    return std::make_unique<FakeTransport>(state);
  };
}

int FakeNetlink::times_opened() const {
  return state_->times_opened;
}

const std::vector<ByteVector>& FakeNetlink::questions() const {
  return state_->questions;
}

ByteVector read_bytes(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  const std::vector<char> chars{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_FALSE(file.bad() || chars.empty()) << path;
  const Bytes bytes = std::as_bytes(std::span{chars});
  return {bytes.begin(), bytes.end()};
}

}  // namespace kubecliff::test
