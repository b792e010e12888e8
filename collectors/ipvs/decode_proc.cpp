#include "collectors/ipvs/decode_proc.h"

#include <algorithm>
#include <cstddef>
#include <string>

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

// "0A600001:01BB" or "[fd00:0000:…]:01BB": a port has four digits.
bool is_address(std::string_view word) {
  constexpr std::size_t kPort = 5;
  return word.size() > kPort && word[word.size() - kPort] == ':';
}

AddressFamily family_of(std::string_view address) {
  return address.starts_with('[') ? AddressFamily::ipv6 : AddressFamily::ipv4;
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
  const std::string_view address = words.next();
  const std::string_view scheduler = words.next();
  if (protocol == "FWM") {
    protocol_ = Protocol::fwmark;
    ++fwmarks_;
    return parse_number<std::uint32_t>(address, 16).has_value() && !scheduler.empty();
  }
  protocol_ = protocol_of(protocol);
  servers_.add(
      VirtualServer{.family = family_of(address), .protocol = *protocol_, .scheduler = scheduler});
  return is_address(address) && !scheduler.empty();
}

bool ProcDecoder::add_real(std::string_view line) {
  Words words{line};
  const std::string_view address = words.next();
  const std::string_view forwarding = words.next();
  const auto weight = words.next_number();
  const auto active = words.next_number();
  const auto inactive = words.next_number();
  if (!protocol_ || !is_address(address) || forwarding.empty() || !weight || !active || !inactive) {
    return false;
  }
  servers_.add(RealServer{.family = family_of(address),
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
