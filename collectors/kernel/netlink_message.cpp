#include "collectors/kernel/netlink_message.h"

#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cstring>

namespace kubecliff::netlink {
namespace {

using framing::aligned;
using framing::skip;

void append(std::vector<std::byte>& bytes, const void* data, std::size_t size) {
  const std::size_t end = bytes.size();
  bytes.resize(end + size);
  if (size > 0) {
    std::memcpy(bytes.data() + end, data, size);
  }
}

// The header with its length first, the payload, and room for `terminator` more bytes of zero.
void append_attribute(std::vector<std::byte>& bytes, std::uint16_t type, const void* data,
                      std::size_t size, std::size_t terminator) {
  const nlattr header{
      .nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + size + terminator),
      .nla_type = type,
  };
  append(bytes, &header, sizeof(header));
  append(bytes, data, size);
  bytes.resize(aligned(bytes.size() + terminator));
}

}  // namespace

bool Messages::next(Message& message) {
  if (rest_.empty()) {
    return false;
  }
  const auto header = read_as<nlmsghdr>(rest_);
  if (!header || header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > rest_.size()) {
    malformed_ = true;
    return false;
  }
  message.header = *header;
  message.payload = rest_.first(header->nlmsg_len).subspan(sizeof(nlmsghdr));
  rest_ = skip(rest_, header->nlmsg_len);
  return true;
}

Bytes find_attribute(Bytes payload, std::uint16_t type) {
  Attribute attribute;
  for (Attributes attributes{payload}; attributes.next(attribute);) {
    if (attribute.type == type) {
      return attribute.payload;
    }
  }
  return {};
}

Bytes after_header(Bytes payload, std::size_t header_size) {
  return skip(payload, header_size);
}

Request Request::nfnetlink(std::uint8_t subsystem, std::uint8_t command, std::uint16_t flags,
                           std::uint8_t family, std::uint16_t resource) {
  const nfgenmsg header{.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)};
  return with_headers(static_cast<std::uint16_t>((subsystem << 8U) | command), flags,
                      bytes_of(header));
}

Request Request::generic(std::uint16_t protocol, std::uint8_t command, std::uint16_t flags) {
  const genlmsghdr header{.cmd = command, .version = 1, .reserved = 0};
  return with_headers(protocol, flags, bytes_of(header));
}

Request Request::plain(std::uint16_t type, std::uint16_t flags, Bytes header) {
  return with_headers(type, flags, header);
}

Request Request::with_headers(std::uint16_t type, std::uint16_t flags, Bytes protocol_header) {
  Request request;
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  append(request.bytes_, &header, sizeof(header));
  append(request.bytes_, protocol_header.data(), protocol_header.size());
  request.header_size_ = request.bytes_.size();
  return request;
}

Request& Request::put(std::uint16_t type, Bytes payload) {
  append_attribute(bytes_, type, payload.data(), payload.size(), 0);
  return *this;
}

Request& Request::put_text(std::uint16_t type, std::string_view text) {
  append_attribute(bytes_, type, text.data(), text.size(), 1);
  return *this;
}

std::size_t Request::begin_nested(std::uint16_t type) {
  const std::size_t start = bytes_.size();
  put(type | NLA_F_NESTED, {});
  return start;
}

void Request::end_nested(std::size_t start) {
  const auto size = static_cast<std::uint16_t>(bytes_.size() - start);
  std::memcpy(bytes_.data() + start + offsetof(nlattr, nla_len), &size, sizeof(size));
}

void Request::clear_attributes() {
  bytes_.resize(header_size_);
}

std::uint16_t Request::flags() const {
  return read_as<nlmsghdr>(bytes_).value_or(nlmsghdr{}).nlmsg_flags;
}

Bytes Request::finish(std::uint32_t sequence) {
  nlmsghdr header = read_as<nlmsghdr>(bytes_).value_or(nlmsghdr{});
  header.nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
  header.nlmsg_seq = sequence;
  std::memcpy(bytes_.data(), &header, sizeof(header));
  return bytes_;
}

}  // namespace kubecliff::netlink
