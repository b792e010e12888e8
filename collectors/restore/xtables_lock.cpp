#include "collectors/restore/xtables_lock.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "collectors/kernel/procfs.h"

namespace kubecliff::restore {
namespace {

// Takes the next word, and the white space before it, off `text`.
std::string_view next_word(std::string_view& text, std::string_view separators = " ") {
  text.remove_prefix(std::min(text.find_first_not_of(separators), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(separators));
  text.remove_prefix(word.size());
  return word;
}

std::optional<FileId> decode_file(std::string_view word) {
  const auto major = parse_number<std::uint32_t>(next_word(word, ":"), 16);
  const auto minor = parse_number<std::uint32_t>(next_word(word, ":"), 16);
  const auto inode = parse_number<std::uint64_t>(next_word(word, ":"));
  return major && minor && inode ? std::optional{FileId{*major, *minor, *inode}} : std::nullopt;
}

}  // namespace

// 1: FLOCK  ADVISORY  WRITE 4711 00:19:1234 0 EOF
// 1: -> FLOCK  ADVISORY  WRITE 4712 00:19:1234 0 EOF
LockState decode_locks(std::string_view text, const FileId& file) {
  LockState state;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    next_word(line);
    std::string_view type = next_word(line);
    const bool waits = type == "->";
    if (waits) {
      type = next_word(line);
    }
    next_word(line);  // ADVISORY
    next_word(line);  // WRITE
    const auto pid = parse_number<std::int64_t>(next_word(line));
    if (!pid || decode_file(next_word(line)) != file) {
      continue;
    }
    if (waits) {
      state.waiters.push_back(static_cast<std::uint32_t>(std::max<std::int64_t>(*pid, 0)));
    } else {
      state.held = true;
    }
  }
  return state;
}

std::vector<Time> LockWaits::sample(const LockState& state, Time now) {
  std::vector<Time> ended;
  std::erase_if(since_, [&](const auto& waiter) {
    const bool over = std::ranges::find(state.waiters, waiter.first) == state.waiters.end();
    if (over) {
      ended.push_back(now - waiter.second);
    }
    return over;
  });
  for (const std::uint32_t pid : state.waiters) {
    since_.emplace(pid, now);
  }
  return ended;
}

}  // namespace kubecliff::restore
