#include "exporter/evidence/kernel_log.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "collectors/kernel/procfs.h"

namespace kubecliff::evidence {
namespace {

constexpr std::size_t kMostMessage = 1'000;

bool matters(std::string_view message) {
  constexpr std::array<std::string_view, 22> kWords{
      "conntrack",      "nf_tables",       "nf_nat",        "netfilter",       "ip_tables",
      "ip6_tables",     "x_tables",        "xt_",           "nfnetlink",       "ip_set",
      "IPVS",           "ip_vs",           "Out of memory", "oom-kill",        "oom_reaper",
      "Killed process", "neighbour",       "neighbor",      "page allocation", "TCP: out of memory",
      "SYN flooding",   "orphaned sockets"};
  return std::ranges::any_of(kWords,
                             [message](std::string_view word) { return message.contains(word); });
}

}  // namespace

std::optional<std::string> log_line(std::string_view record) {
  // "6,1234,567890123,-;message\n KEY=value\n"
  const std::size_t semicolon = record.find(';');
  if (semicolon == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view head = record.substr(0, semicolon);
  std::array<std::string_view, 3> fields{};
  for (std::string_view& field : fields) {
    const std::size_t comma = std::min(head.find(','), head.size());
    field = head.substr(0, comma);
    head.remove_prefix(std::min(comma + 1, head.size()));
  }
  const auto microseconds = parse_number<std::uint64_t>(fields[2]);
  std::string_view message = record.substr(semicolon + 1);
  message = message.substr(0, message.find('\n')).substr(0, kMostMessage);
  if (!microseconds || !matters(message)) {
    return std::nullopt;
  }
  constexpr std::uint64_t kMillion = 1'000'000;
  std::string fraction = std::to_string(*microseconds % kMillion);
  fraction.insert(0, 6 - fraction.size(), '0');
  std::string line = "[" + std::to_string(*microseconds / kMillion) + "." + fraction + "] ";
  line += message;
  std::ranges::replace_if(
      line, [](char byte) { return static_cast<unsigned char>(byte) < ' ' || byte == '\x7f'; },
      '?');
  return line;
}

std::string_view program_in(std::string_view line) {
  if (const std::size_t killed = line.find("Killed process "); killed != std::string_view::npos) {
    const std::size_t open = line.find('(', killed);
    const std::size_t close = line.find(')', open);
    if (open != std::string_view::npos && close != std::string_view::npos) {
      return line.substr(open + 1, close - open - 1);
    }
  }
  if (const std::size_t invoked = line.find(" invoked oom-killer");
      invoked != std::string_view::npos) {
    const std::size_t begin = line.find("] ");
    return begin < invoked ? line.substr(begin + 2, invoked - begin - 2) : std::string_view{};
  }
  if (const std::size_t task = line.find(",task="); task != std::string_view::npos) {
    const std::string_view rest = line.substr(task + 6);
    return rest.substr(0, rest.find(','));
  }
  return {};
}

}  // namespace kubecliff::evidence
