#include "collectors/probe/dns_servers.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <span>

#include "collectors/probe/target.h"

namespace kubecliff::probe {
namespace {

constexpr std::size_t kLongestName = 253;

bool is_server(std::string_view text) {
  const auto is_address = [](const std::string& authority) {
    const auto url = parse_url("tcp://" + authority);
    return url && url->host == Host::address;
  };
  return is_address(std::string{text}) || is_address(std::string{text} + ":53");
}

bool is_name(std::string_view text) {
  return text.size() <= kLongestName && !text.starts_with('.') &&
         text.find("..") == std::string_view::npos && std::ranges::all_of(text, [](char byte) {
           return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                  (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.';
         });
}

bool is_list(std::string_view text, std::size_t most, bool (*fits)(std::string_view)) {
  std::vector<std::string> words = parse_list(text);
  const bool all = std::ranges::all_of(
      words, [fits](const std::string& word) { return !word.empty() && fits(word); });
  std::ranges::sort(words);
  return all && words.size() <= most && std::ranges::adjacent_find(words) == words.end();
}

// Nine further than the first address of a range.
template <typename Address>
std::optional<std::string> tenth(int family, std::string_view text) {
  std::array<std::uint8_t, sizeof(Address)> bytes{};
  if (::inet_pton(family, std::string{text}.c_str(), bytes.data()) != 1 || bytes.back() > 246) {
    return std::nullopt;
  }
  bytes.back() = static_cast<std::uint8_t>(bytes.back() + 9);
  std::array<char, INET6_ADDRSTRLEN> written{};
  const char* const address = ::inet_ntop(family, bytes.data(), written.data(), written.size());
  return address == nullptr ? std::nullopt : std::optional<std::string>{address};
}

// resolv.conf and Kubernetes write IPv6 addresses without brackets.
std::string in_brackets(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

}  // namespace

std::vector<std::string> parse_list(std::string_view text) {
  std::vector<std::string> words;
  for (bool more = !text.empty(); more;) {
    const std::size_t comma = text.find(',');
    std::string_view word = text.substr(0, comma);
    word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
    words.emplace_back(word.substr(0, word.find_last_not_of(' ') + 1));
    more = comma != std::string_view::npos;
    text.remove_prefix(more ? comma + 1 : text.size());
  }
  return words;
}

bool is_server_list(std::string_view text) {
  return is_list(text, kMostServers, is_server);
}

bool is_name_list(std::string_view text) {
  return is_list(text, kMostNames, is_name);
}

std::vector<DnsServer> named_servers(std::string_view list) {
  std::vector<DnsServer> servers;
  std::ranges::transform(parse_list(list), std::back_inserter(servers), [](const auto& address) {
    return DnsServer{.label = address, .address = address};
  });
  return servers;
}

std::optional<std::string> cluster_dns(std::string_view api_server) {
  const auto ipv4 = tenth<in_addr>(AF_INET, api_server);
  return ipv4 ? ipv4 : tenth<in6_addr>(AF_INET6, api_server);
}

std::vector<DnsServer> servers_around(const Surroundings& surroundings) {
  std::vector<DnsServer> servers;
  const auto add = [&servers](const char* label, const std::string& address) {
    DnsServer server{.label = label, .address = in_brackets(address)};
    if (is_server(server.address) &&
        std::ranges::find(servers, server.address, &DnsServer::address) == servers.end()) {
      servers.push_back(std::move(server));
    }
  };
  if (surroundings.node_local_here) {
    add("node_local", std::string{kNodeLocal});
  }
  if (const auto cluster = cluster_dns(surroundings.api_server)) {
    add("cluster", *cluster);
  }
  if (!surroundings.resolv_conf.nameservers.empty()) {
    add("resolver", surroundings.resolv_conf.nameservers.front());
  }
  return servers;
}

Result<bool> is_on_a_device(std::string_view ipv4_address) {
  in_addr wanted{};
  if (::inet_pton(AF_INET, std::string{ipv4_address}.c_str(), &wanted) != 1) {
    return fail(ErrorKind::internal, "not an IPv4 address: " + std::string{ipv4_address});
  }
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) {
    return fail_errno(errno, "list the addresses of this node");
  }
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned{list, &::freeifaddrs};
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr != nullptr && entry->ifa_addr->sa_family == AF_INET) {
      sockaddr_in address{};
      std::memcpy(&address, entry->ifa_addr, sizeof(address));
      if (address.sin_addr.s_addr == wanted.s_addr) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace kubecliff::probe
