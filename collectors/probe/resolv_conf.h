// resolv.conf, as glibc reads it (resolv.conf(5), resolv/res_init.c). Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kubecliff::probe {

struct ResolvConf {
  std::vector<std::string> nameservers;  // as they stand there, the first three
  std::vector<std::string> search;       // of the last `search` or `domain`
  std::size_t ndots = 1;                 // at most 15

  friend bool operator==(const ResolvConf&, const ResolvConf&) = default;
};

// What it does not know it passes over, as glibc does.
[[nodiscard]] ResolvConf parse_resolv_conf(std::string_view text);

// How many names are asked for until `name` itself is: those of the search list come before it
// where it has fewer dots than ndots and none at its end.
[[nodiscard]] std::size_t names_tried(const ResolvConf& conf, std::string_view name);

}  // namespace kubecliff::probe
