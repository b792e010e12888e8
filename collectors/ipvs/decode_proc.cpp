#include "collectors/ipvs/decode_proc.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

#include "collectors/core/service_endpoints.h"
#include "collectors/kernel/bytes.h"
#include "collectors/kernel/procfs.h"

namespace kubecliff::ipvs {
namespace {

// The words of a line, one after the other. There are six in each of the 50,000 lines of a large
// cluster, so it looks at every character once.
class Words {
 public:
  explicit Words(std::string_view line) : at_{line.begin()}, end_{line.end()} {}

  // Empty at the end of the line.
  std::string_view next() {
    skip_spaces();
    const auto* const begin = at_;
    while (at_ != end_ && *at_ != ' ') {
      ++at_;
    }
    return {begin, at_};
  }

  // A decimal number below ten thousand million and nothing else.
  std::optional<std::uint64_t> next_number() {
    constexpr std::ptrdiff_t kMostDigits = 10;
    skip_spaces();
    const auto* const begin = at_;
    std::uint64_t number = 0;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') {
      number = number * 10 + static_cast<std::uint64_t>(*at_++ - '0');
    }
    const std::ptrdiff_t digits = at_ - begin;
    const bool ends = at_ == end_ || *at_ == ' ';
    return ends && digits > 0 && digits <= kMostDigits ? std::optional{number} : std::nullopt;
  }

 private:
  void skip_spaces() {
    while (at_ != end_ && *at_ == ' ') {
      ++at_;
    }
  }

  const char* at_;
  const char* end_;
};

struct Address {
  AddressFamily family = AddressFamily::ipv4;
  std::array<std::byte, 16> bytes{};
  std::uint16_t port = 0;

  [[nodiscard]] Bytes view() const { return Bytes{bytes}.first(address_size(family)); }
};

// Two hexadecimal digits for each byte; no colon among them counts.
bool parse_bytes(std::string_view text, std::span<std::byte> bytes) {
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == ':') {
      continue;
    }
    const bool letter = (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
    if (digits == 2 * bytes.size() || (!letter && (c < '0' || c > '9'))) {
      return false;
    }
    const auto value = static_cast<std::uint8_t>(letter ? (c | 0x20) - 'a' + 10 : c - '0');
    std::byte& byte = bytes[digits++ / 2];
    byte = byte << 4U | std::byte{value};
  }
  return digits == 2 * bytes.size();
}

// "0A600001:01BB" or "[fd00:0000:…]:01BB": a port has four digits.
std::optional<Address> parse_address(std::string_view word) {
  constexpr std::size_t kPort = 5;
  if (word.size() <= kPort || word[word.size() - kPort] != ':') {
    return std::nullopt;
  }
  Address address;
  std::array<std::byte, sizeof(address.port)> port{};
  std::string_view host = word.substr(0, word.size() - kPort);
  if (host.starts_with('[') && host.ends_with(']')) {
    address.family = AddressFamily::ipv6;
    host = host.substr(1, host.size() - 2);
  }
  const std::span bytes = std::span{address.bytes}.first(address_size(address.family));
  if (!parse_bytes(host, bytes) || !parse_bytes(word.substr(word.size() - kPort), port)) {
    return std::nullopt;
  }
  address.port = read_be<std::uint16_t>(port).value_or(0);
  return address;
}

Protocol protocol_of(std::string_view word) {
  if (word == "TCP") {
    return Protocol::tcp;
  }
  if (word == "UDP") {
    return Protocol::udp;
  }
  return word == "SCTP" ? Protocol::sctp : Protocol::other;
}

std::optional<std::uint8_t> number_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::tcp:
      return IPPROTO_TCP;
    case Protocol::udp:
      return IPPROTO_UDP;
    case Protocol::sctp:
      return IPPROTO_SCTP;
    default:
      return std::nullopt;
  }
}

// "IP Virtual Server version 1.2.1 (size=4096)"
std::optional<std::uint32_t> buckets_in(std::string_view line) {
  constexpr std::string_view kBefore = "(size=";
  const std::size_t at = line.find(kBefore);
  if (at == std::string_view::npos || !line.ends_with(')')) {
    return std::nullopt;
  }
  line.remove_suffix(1);
  return parse_number<std::uint32_t>(line.substr(at + kBefore.size()));
}

}  // namespace

Result<void> ProcDecoder::add(std::string_view line) {
  bool understood = true;
  if (line.starts_with("IP Virtual Server ")) {
    table_buckets_ = buckets_in(line);
    understood = table_buckets_.has_value();
  } else if (line.starts_with("  -> ")) {
    understood = line.starts_with("  -> RemoteAddress:Port ") || add_real(line.substr(5));
  } else if (!line.starts_with("Prot ")) {
    understood = add_virtual(line);
  }
  return understood ? Result<void>{}
                    : fail(ErrorKind::malformed, "IPVS: a line of another form: \"" +
                                                     std::string{line.substr(0, 80)} + '"');
}

bool ProcDecoder::add_virtual(std::string_view line) {
  Words words{line};
  const std::string_view protocol = words.next();
  const std::string_view word = words.next();
  const std::string_view scheduler = words.next();
  service_.reset();
  if (protocol == "FWM") {
    protocol_ = Protocol::fwmark;
    ++fwmarks_;
    return parse_number<std::uint32_t>(word, 16).has_value() && !scheduler.empty();
  }
  protocol_ = protocol_of(protocol);
  const std::optional<Address> address = parse_address(word);
  if (!address || scheduler.empty()) {
    return false;
  }
  servers_.add(
      VirtualServer{.family = address->family, .protocol = *protocol_, .scheduler = scheduler});
  family_ = address->family;
  if (const auto number = number_of(*protocol_)) {
    service_ = service_key(*number, address->view(), address->port);
    keys_[static_cast<std::size_t>(family_)].add_service(*service_);
  }
  return true;
}

bool ProcDecoder::add_real(std::string_view line) {
  Words words{line};
  const std::optional<Address> address = parse_address(words.next());
  const std::string_view forwarding = words.next();
  const auto weight = words.next_number();
  const auto active = words.next_number();
  const auto inactive = words.next_number();
  if (!protocol_ || !address || forwarding.empty() || !weight || !active || !inactive) {
    return false;
  }
  if (service_) {
    keys_[static_cast<std::size_t>(family_)].add_endpoint(
        endpoint_key(*service_, backend_key(address->view(), address->port)));
  }
  servers_.add(RealServer{.family = address->family,
                          .protocol = *protocol_,
                          .draining = *weight == 0,
                          .active = *active,
                          .inactive = *inactive});
  return true;
}

Result<Totals> decode_totals(std::string_view text) {
  Totals totals;
  std::size_t processors = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    // "  0        1        1        0               3C                0": hexadecimal. Two lines of
    // headings come before them, the sum and rates after.
    Words words{line};
    const std::string_view processor = words.next();
    if (processor.empty() || processor == "~") {
      break;
    }
    if (!parse_number<std::uint32_t>(processor, 16)) {
      continue;
    }
    ++processors;
    for (std::uint64_t* total :
         {&totals.connections, &totals.incoming_packets, &totals.outgoing_packets,
          &totals.incoming_bytes, &totals.outgoing_bytes}) {
      const auto number = parse_number<std::uint64_t>(words.next(), 16);
      if (!number) {
        return fail(ErrorKind::malformed, "IPVS: a broken line of statistics: \"" +
                                              std::string{line.substr(0, 80)} + '"');
      }
      *total += *number;
    }
  }
  return processors > 0
             ? Result<Totals>{totals}
             : fail(ErrorKind::malformed, "IPVS: statistics without a line of a processor");
}

}  // namespace kubecliff::ipvs
