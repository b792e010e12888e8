#include "exporter/evidence/kernel_log.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "collectors/core/split.h"
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

std::vector<std::string_view> names_in(std::string_view line) {
  std::vector<std::string_view> names;
  // A path's parts, and a unit's name without its type. What has an underline stays whole: no other
  // form of it would be found in the text.
  const auto add = [&names](std::string_view value) {
    for (const std::string_view part : split(value, "/")) {
      if (part.contains('_')) {
        names.push_back(part);
      } else {
        std::ranges::copy(split(part, "."), std::back_inserter(names));
      }
    }
  };
  const auto add_before = [&](std::string_view text) {
    const std::size_t end = line.find(text);
    const std::size_t begin = line.find("] ");  // behind the time
    if (end != std::string_view::npos && begin < end) {
      add(line.substr(begin + 2, end - begin - 2));
    }
  };
  // All of the rest where a line was cut.
  const auto add_between = [&](std::string_view before, std::string_view after) {
    if (const std::size_t at = line.find(before); at != std::string_view::npos) {
      const std::string_view rest = line.substr(at + before.size());
      add(rest.substr(0, rest.rfind(after)));
    }
  };
  add_before(": page allocation failure");
  add_before(": page allocation stalls");
  add_before(" invoked oom-killer");
  // "Killed process 7 (NAME)", "reaped process 7 (NAME)", "unable to reap pid:7 (NAME)".
  if (line.contains("process ") || line.contains("reap pid:")) {
    add_between("(", ")");
  }
  add_between("cpuset=", ",mems_allowed=");
  add_between("oom_memcg=", ",task_memcg=");
  add_between("task_memcg=", ",task=");
  add_between(",task=", ",pid=");
  std::erase(names, "");
  return names;
}

}  // namespace kubecliff::evidence
