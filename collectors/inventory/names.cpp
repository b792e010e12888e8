#include "collectors/inventory/names.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <utility>

namespace kubecliff::inventory {
namespace {

std::uint8_t number_of(std::string_view protocol) {
  if (protocol == "tcp") {
    return IPPROTO_TCP;
  }
  if (protocol == "udp") {
    return IPPROTO_UDP;
  }
  return protocol == "sctp" ? IPPROTO_SCTP : 0;
}

}  // namespace

std::string_view name_in_comment(std::string_view comment) {
  const std::string_view name = comment.substr(0, comment.find(' '));
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == name.size()) {
    return {};
  }
  return name.substr(0, kLongestName);
}

NamedPort name_in_chain(std::string_view chain) {
  // The kind, the hash, and then what no dash ends: names have dashes too.
  for (int dashes = 0; dashes < 2; ++dashes) {
    const std::size_t dash = chain.find('-');
    if (dash == std::string_view::npos) {
      return {};
    }
    chain.remove_prefix(dash + 1);
  }
  chain = chain.substr(0, chain.find("__"));  // an endpoint's address follows
  std::array<std::string_view, 4> parts;      // namespace, name, protocol, name of the port
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const std::size_t slash = chain.find('/');
    if (slash == std::string_view::npos || slash == 0) {
      return {};
    }
    parts[i] = chain.substr(0, slash);
    chain.remove_prefix(slash + 1);
  }
  parts.back() = chain;
  std::string name{parts[0]};
  name.append("/").append(parts[1]);
  if (!parts[3].empty()) {
    name.append(":").append(parts[3]);
  }
  name.resize(std::min(name.size(), kLongestName));
  return {.name = std::move(name), .protocol = number_of(parts[2])};
}

}  // namespace kubecliff::inventory
