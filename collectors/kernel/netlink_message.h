// Netlink framing: messages in a datagram, attributes in a message, and the building of requests.
// Pure functions over bytes; the only file that knows netlink's alignment.
// Source: include/uapi/linux/netlink.h, include/uapi/linux/netfilter/nfnetlink.h.
#pragma once

#include <linux/netlink.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "collectors/kernel/bytes.h"

namespace kubecliff::netlink {

namespace framing {

inline constexpr std::size_t kAlignment = 4;
// NLA_TYPE_MASK without its sign.
inline constexpr std::uint16_t kTypeMask = 0x3fff;

constexpr std::size_t aligned(std::size_t size) {
  return (size + kAlignment - 1) & ~(kAlignment - 1);
}

// The last message or attribute may come without its padding.
inline Bytes skip(Bytes bytes, std::size_t size) {
  return bytes.subspan(std::min(aligned(size), bytes.size()));
}

}  // namespace framing

struct Message {
  nlmsghdr header{};
  Bytes payload;
};

struct Attribute {
  std::uint16_t type = 0;  // without the nested and byte-order flags
  Bytes payload;
};

// The messages of one datagram, in order:
//   for (Messages messages{datagram}; messages.next(message);) …
// next() is false at the end; malformed() then tells an end from a message that claims more bytes
// than there are.
class Messages {
 public:
  explicit Messages(Bytes datagram) : rest_{datagram} {}
  [[nodiscard]] bool next(Message& message);
  [[nodiscard]] bool malformed() const { return malformed_; }

 private:
  Bytes rest_;
  bool malformed_ = false;
};

// The attributes of a payload, in the same way.
class Attributes {
 public:
  explicit Attributes(Bytes payload) : rest_{payload} {}
  // In the header: a dump of 250,000 flows comes here eight million times.
  [[nodiscard]] bool next(Attribute& attribute) {
    if (rest_.empty()) {
      return false;
    }
    const auto header = read_as<nlattr>(rest_);
    if (!header || header->nla_len < sizeof(nlattr) || header->nla_len > rest_.size()) {
      malformed_ = true;
      return false;
    }
    attribute.type = header->nla_type & framing::kTypeMask;
    attribute.payload = rest_.first(header->nla_len).subspan(sizeof(nlattr));
    rest_ = framing::skip(rest_, header->nla_len);
    return true;
  }
  [[nodiscard]] bool malformed() const { return malformed_; }

 private:
  Bytes rest_;
  bool malformed_ = false;
};

// The first attribute of that type; an empty payload where there is none, or where it is empty.
[[nodiscard]] Bytes find_attribute(Bytes payload, std::uint16_t type);

// What follows the fixed header of `header_size` bytes that a protocol puts before its attributes
// (nfgenmsg, genlmsghdr); empty where the payload is shorter.
[[nodiscard]] Bytes after_header(Bytes payload, std::size_t header_size);

// One request, built in a buffer that is used again by the next begin().
class Request {
 public:
  // A request of the nfnetlink protocol: `family` is its nfgen_family, `resource` its res_id.
  static Request nfnetlink(std::uint8_t subsystem, std::uint8_t command, std::uint16_t flags,
                           std::uint8_t family, std::uint16_t resource = 0);
  // One of generic netlink: `protocol` is the number that the kernel gave the family.
  static Request generic(std::uint16_t protocol, std::uint8_t command, std::uint16_t flags);
  // One of a protocol whose messages have a type each and a header of their own: rtnetlink
  // (RTM_GETADDR with its ifaddrmsg), sock_diag.
  static Request plain(std::uint16_t type, std::uint16_t flags, Bytes header);

  Request& put(std::uint16_t type, Bytes payload);
  Request& put_text(std::uint16_t type, std::string_view text);  // with its NUL

  // An attribute that holds what `fill(Request&)` puts.
  template <typename Fill>
  Request& nest(std::uint16_t type, Fill&& fill) {
    const std::size_t start = begin_nested(type);
    fill(*this);
    end_nested(start);
    return *this;
  }

  // Drops the attributes, keeps the header: for the same question about another object.
  void clear_attributes();

  [[nodiscard]] std::uint16_t flags() const;
  // The finished message; `sequence` is written into it.
  [[nodiscard]] Bytes finish(std::uint32_t sequence);

 private:
  Request() = default;
  static Request with_headers(std::uint16_t type, std::uint16_t flags, Bytes protocol_header);
  [[nodiscard]] std::size_t begin_nested(std::uint16_t type);
  void end_nested(std::size_t start);

  std::vector<std::byte> bytes_;
  std::size_t header_size_ = 0;
};

}  // namespace kubecliff::netlink
