// FakeNetlink: a kernel that answers netlink questions from a script, and builders of what it says.
//
//   FakeNetlink kernel;
//   kernel.answer({datagram({cpu_stats, done()})});
//   netlink::Socket socket{kernel.transport()};
//
// Not thread-safe.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/kernel/bytes.h"
#include "collectors/kernel/netlink_socket.h"

namespace kubecliff::test {

using ByteVector = std::vector<std::byte>;

// One netlink message under construction. Its sequence is filled in when it is sent.
class MessageBuilder {
 public:
  explicit MessageBuilder(std::uint16_t type, std::uint16_t flags = 0);

  // The fixed header of the protocol, or any other bytes as they are.
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  MessageBuilder& raw(const T& value) {
    return raw(std::as_bytes(std::span{&value, 1}));
  }
  MessageBuilder& raw(Bytes bytes);
  MessageBuilder& attribute(std::uint16_t type, Bytes payload);
  MessageBuilder& be32(std::uint16_t type, std::uint32_t value);
  MessageBuilder& u8(std::uint16_t type, std::uint8_t value);
  // An attribute that holds the attributes which `fill(MessageBuilder&)` adds.
  template <typename Fill>
  MessageBuilder& nest(std::uint16_t type, Fill&& fill) {
    const std::size_t start = open_nest(type);
    fill(*this);
    return close_nest(start);
  }

  [[nodiscard]] ByteVector message() const;
  // What follows the netlink header.
  [[nodiscard]] ByteVector payload() const;

 private:
  std::size_t open_nest(std::uint16_t type);
  MessageBuilder& close_nest(std::size_t start);

  ByteVector bytes_;
};

// An nfnetlink message of ctnetlink, its protocol header in place; `resource` is the CPU in
// statistics.
[[nodiscard]] MessageBuilder ctnetlink_message(std::uint8_t command, std::uint8_t family = 0,
                                               std::uint16_t resource = 0);

// The header of the first message; zeros where there is none.
[[nodiscard]] nlmsghdr header_of(Bytes datagram);

// The kernel's NLMSG_DONE and NLMSG_ERROR: `status` is 0 or a negative errno.
[[nodiscard]] ByteVector done(std::int32_t status = 0);
[[nodiscard]] ByteVector error(std::int32_t status);

// What one receive() finds.
struct Reply {
  ByteVector datagram;
  std::uint32_t sender_port = 0;      // 0 is the kernel
  std::uint32_t questions_ago = 0;    // 1 answers the question before
  std::optional<Error> failure = {};  // instead of a datagram
};

[[nodiscard]] Reply datagram(const std::vector<ByteVector>& messages);
[[nodiscard]] Reply failure(Error error);

class FakeNetlink {
 public:
  FakeNetlink();

  // The replies to the next question that has none yet. A question without any finds silence: a
  // timeout. Replies that are not received are lost when the socket is opened anew.
  FakeNetlink& answer(std::vector<Reply> replies);

  [[nodiscard]] netlink::TransportFactory transport() const;

  [[nodiscard]] int times_opened() const;
  [[nodiscard]] const std::vector<ByteVector>& questions() const;

 private:
  struct State;
  class FakeTransport;

  std::shared_ptr<State> state_;
};

// The bytes of a file; fails the current test where it cannot be read.
[[nodiscard]] ByteVector read_bytes(const std::filesystem::path& path);

}  // namespace kubecliff::test
