#include "collectors/sockets/decode_sockets.h"

#include <linux/inet_diag.h>

#include <algorithm>
#include <tuple>

#include "collectors/kernel/bytes.h"
#include "collectors/kernel/procfs.h"

namespace kubecliff::sockets {
namespace {

constexpr std::uint8_t kNewSynRecv = 12;
constexpr std::uint8_t kSynRecv = 3;

std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(" \t\n"));
  text.remove_prefix(word.size());
  return word;
}

}  // namespace

std::optional<std::size_t> decode_state(const netlink::Message& message) {
  const auto socket = read_as<inet_diag_msg>(message.payload);
  if (!socket) {
    return std::nullopt;
  }
  const std::size_t state = socket->idiag_state == kNewSynRecv ? kSynRecv : socket->idiag_state;
  return state >= 1 && state <= kStates.size() ? std::optional{state - 1} : std::nullopt;
}

Result<TcpUse> decode_tcp_use(std::string_view sockstat) {
  constexpr std::string_view kTcp = "TCP: ";
  const std::size_t at = sockstat.starts_with(kTcp) ? 0 : sockstat.find("\nTCP: ");
  std::string_view line =
      at == std::string_view::npos ? std::string_view{} : sockstat.substr(at + (at > 0 ? 1 : 0));
  line = line.substr(0, line.find('\n'));
  std::ignore = take_word(line);

  // "inuse 1 orphan 0 tw 2 alloc 1 mem 133": by name, not by place.
  std::optional<std::uint64_t> orphaned;
  std::optional<std::uint64_t> time_wait;
  std::optional<std::uint64_t> allocated;
  std::optional<std::uint64_t> memory;
  while (!line.empty()) {
    const std::string_view name = take_word(line);
    const auto value = parse_number<std::uint64_t>(take_word(line));
    if (name == "orphan") {
      orphaned = value;
    } else if (name == "tw") {
      time_wait = value;
    } else if (name == "alloc") {
      allocated = value;
    } else if (name == "mem") {
      memory = value;
    }
  }
  if (!orphaned || !time_wait || !allocated || !memory) {
    return fail(ErrorKind::malformed, "sockstat: no TCP line with orphan, tw, alloc and mem");
  }
  return TcpUse{.orphaned = *orphaned,
                .time_wait = *time_wait,
                .allocated = *allocated,
                .memory_pages = *memory};
}

std::optional<std::uint64_t> decode_most_pages(std::string_view tcp_mem) {
  std::ignore = take_word(tcp_mem);
  std::ignore = take_word(tcp_mem);
  return parse_number<std::uint64_t>(take_word(tcp_mem));
}

}  // namespace kubecliff::sockets
