#include "collectors/probe/resolv_conf.h"

#include <algorithm>

#include "collectors/kernel/procfs.h"

namespace kubecliff::probe {
namespace {

constexpr std::size_t kMostServers = 3;  // MAXNS
constexpr std::size_t kMostDots = 15;    // RES_MAXNDOTS
constexpr std::string_view kBlanks = " \t\r";

// The next word, and `text` without it; empty where there is none.
std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
  text.remove_prefix(word.size());
  return word;
}

void take_options(std::string_view words, ResolvConf& conf) {
  constexpr std::string_view kDots = "ndots:";
  for (std::string_view word = take_word(words); !word.empty(); word = take_word(words)) {
    if (word.starts_with(kDots)) {
      if (const auto dots = parse_number<std::size_t>(word.substr(kDots.size()))) {
        conf.ndots = std::min(*dots, kMostDots);
      }
    }
  }
}

void take_line(std::string_view line, ResolvConf& conf) {
  // A keyword begins its line.
  if (line.empty() || kBlanks.find(line.front()) != std::string_view::npos) {
    return;
  }
  const std::string_view keyword = take_word(line);
  if (keyword == "nameserver") {
    const std::string_view server = take_word(line);
    if (!server.empty() && conf.nameservers.size() < kMostServers) {
      conf.nameservers.emplace_back(server);
    }
  } else if (keyword == "search" || keyword == "domain") {
    conf.search.clear();
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
      conf.search.emplace_back(word);
    }
    conf.search.resize(keyword == "domain" ? std::min<std::size_t>(conf.search.size(), 1)
                                           : conf.search.size());
  } else if (keyword == "options") {
    take_options(line, conf);
  }
}

}  // namespace

ResolvConf parse_resolv_conf(std::string_view text) {
  ResolvConf conf;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    take_line(line, conf);
  }
  return conf;
}

std::size_t names_tried(const ResolvConf& conf, std::string_view name) {
  const auto dots = static_cast<std::size_t>(std::ranges::count(name, '.'));
  return name.ends_with('.') || dots >= conf.ndots ? 1 : conf.search.size() + 1;
}

}  // namespace kubecliff::probe
