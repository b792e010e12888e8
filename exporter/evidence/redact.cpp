#include "exporter/evidence/redact.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace kubecliff::evidence {
namespace {

using Ipv4 = std::array<std::uint8_t, 4>;

// What Kubernetes, its rules and this bundle say of themselves. A name that is one of these words
// tells nothing.
constexpr std::string_view kWords =
    "kubernetes kube-system kube-dns kube-proxy kubelet kube-node-lease kube-public default "
    "coredns "
    "metrics-server metrics dns dns-tcp dns-udp http https tcp udp sctp icmp icmpv6 ipv4 ipv6 ip "
    "ip6 "
    "inet arp bridge netdev node pod service services namespace cluster IP external loadbalancer "
    "load "
    "balancer LB has no endpoints local localnet connections connection traffic for destinations "
    "destination masquerade requiring SNAT DNAT portals portal forwarding conntrack rule rules "
    "postrouting nodeports nodeport must be the last in this chain NOTE firewall health check "
    "ports "
    "externally-visible block incoming route redirect pods trying to reach handle hairpin INPUT "
    "OUTPUT FORWARD PREROUTING POSTROUTING ACCEPT DROP REJECT RETURN MASQUERADE MARK LOG jump goto "
    "nat filter mangle raw security kube kubecliff iptables nftables ipvs nft eth0 lo docker0 cni0 "
    "flannel cali cilium true false null linux localhost svc via from off on all none ClusterIP "
    "ExternalIP LoadBalancer NodePort drop reject packets short-circuit sent by other of and or to "
    "a "
    "the at out";

constexpr bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}
constexpr bool is_letter(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}
constexpr bool is_alphanumeric(char byte) {
  return is_digit(byte) || is_letter(byte);
}
constexpr bool is_hex(char byte) {
  return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}
// Bytes above ASCII too: names need not be of Kubernetes.
constexpr bool in_word(char byte) {
  return is_digit(byte) || is_letter(byte) || byte == '-' || byte == '_' || byte == '.' ||
         (static_cast<unsigned char>(byte) & 0x80U) != 0;
}
constexpr bool in_part(char byte) {
  return in_word(byte) && byte != '.' && byte != '_';
}

// From the front, as far as `belongs` says.
template <typename Belongs>
std::string_view take_while(std::string_view& text, Belongs belongs) {
  const auto end = std::ranges::find_if_not(text, belongs);
  const std::string_view taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(taken.size());
  return taken;
}

std::optional<Ipv4> parse_ipv4(std::string_view text, std::size_t& size) {
  Ipv4 address{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0; i < address.size(); ++i) {
    if (i > 0) {
      if (at == end || *at != '.') {
        return std::nullopt;
      }
      ++at;
    }
    const char* const digits = at;
    unsigned value = 0;
    const auto [after, error] = std::from_chars(at, end, value);
    if (error != std::errc{} || after - digits > 3 || value > 255 || !is_digit(*digits)) {
      return std::nullopt;
    }
    address[i] = static_cast<std::uint8_t>(value);
    at = after;
  }
  size = static_cast<std::size_t>(at - text.data());
  return address;
}

std::optional<in6_addr> parse_ipv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.size() >= copy.size()) {
    return std::nullopt;
  }
  std::ranges::copy(text, copy.begin());
  in6_addr address{};
  return ::inet_pton(AF_INET6, copy.data(), &address) == 1 ? std::optional{address} : std::nullopt;
}

// The kind of network; empty where the address tells nothing of anybody's.
std::string_view network_of(const Ipv4& address) {
  const auto [a, b, c, d] = address;
  if (a == 127 || a == 0 || address == Ipv4{255, 255, 255, 255}) {
    return {};
  }
  if (a == 255) {
    return {};  // a mask
  }
  if (a == 10 || (a == 172 && (b & 0xf0U) == 16) || (a == 192 && b == 168)) {
    return "private";
  }
  if (a == 100 && (b & 0xc0U) == 64) {
    return "shared";
  }
  if (a == 169 && b == 254) {
    return "link-local";
  }
  return a >= 224 ? "multicast" : "public";
}

std::string_view network_of(const in6_addr& address) {
  const std::uint8_t first = address.s6_addr[0];
  const std::uint8_t second = address.s6_addr[1];
  if (IN6_IS_ADDR_UNSPECIFIED(&address) || IN6_IS_ADDR_LOOPBACK(&address)) {
    return {};
  }
  if ((first & 0xfeU) == 0xfc) {
    return "private";
  }
  if (first == 0xfe && (second & 0xc0U) == 0x80) {
    return "link-local";
  }
  return first == 0xff ? "multicast" : "public";
}

// "aa:bb:cc:dd:ee:ff", or more of that, as in a logged packet's header.
bool is_hardware_address(std::string_view run) {
  if (run.size() < 17 || (run.size() + 1) % 3 != 0) {
    return false;
  }
  for (std::size_t i = 0; i < run.size(); ++i) {
    if (i % 3 == 2 ? run[i] != ':' : !is_hex(run[i])) {
      return false;
    }
  }
  return true;
}

constexpr std::size_t kChainHash = 16;  // of kube-proxy's chains in iptables
constexpr std::size_t kShortHash = 8;   // of those in nftables

bool is_hash(std::string_view text) {
  return std::ranges::all_of(
      text, [](char byte) { return (byte >= 'A' && byte <= 'Z') || (byte >= '2' && byte <= '7'); });
}

// "KUBE-SVC-" of "KUBE-SVC-ERIFXISQEP7F7OF4"; empty for any other word.
std::string_view hashed_prefix(std::string_view word) {
  if (word.size() != 9 + kChainHash || !word.starts_with("KUBE-") ||
      !is_hash(word.substr(word.size() - kChainHash))) {
    // KUBE-FW- is one shorter.
    const bool firewall =
        word.size() == 8 + kChainHash && word.starts_with("KUBE-FW-") && is_hash(word.substr(8));
    return firewall ? word.substr(0, 8) : std::string_view{};
  }
  return word[8] == '-' ? word.substr(0, 9) : std::string_view{};
}

// "service-ULMVA6XW-" of "service-ULMVA6XW-ns": what kube-proxy's objects in nftables begin with.
std::string_view object_prefix(std::string_view word) {
  const std::size_t dash = word.find('-');
  if (dash == std::string_view::npos || word.size() < dash + kShortHash + 3 ||
      word[dash + kShortHash + 1] != '-' || !is_hash(word.substr(dash + 1, kShortHash))) {
    return {};
  }
  return word.substr(0, dash + kShortHash + 2);
}

constexpr std::size_t kShortestId = 24;

// A UUID with dashes or underscores.
bool is_uuid(std::string_view text) {
  constexpr std::array<std::size_t, 4> kDashes{8, 13, 18, 23};
  return std::ranges::count_if(text, is_hex) == 32 &&
         std::ranges::all_of(kDashes,
                             [text](std::size_t at) { return text[at] == '-' || text[at] == '_'; });
}

// Where one begins within a word, or 24 and more hexadecimal digits, and its length.
std::optional<std::pair<std::size_t, std::size_t>> find_id(std::string_view word) {
  constexpr std::size_t kUuid = 36;
  for (std::size_t i = 0; i + kShortestId <= word.size();) {
    if (!is_hex(word[i])) {
      ++i;
      continue;
    }
    std::string_view rest = word.substr(i);
    const std::size_t run = take_while(rest, is_hex).size();
    // The "d" of "pod" is a digit too.
    for (std::size_t at = i; at < i + run && at + kUuid <= word.size(); ++at) {
      if (is_uuid(word.substr(at, kUuid))) {
        return std::pair{at, kUuid};
      }
    }
    if (run >= kShortestId) {
      return std::pair{i, run};
    }
    i += run;
  }
  return std::nullopt;
}

std::string_view kind_name(NameKind kind) {
  switch (kind) {
    case NameKind::node:
      return "node";
    case NameKind::name_space:
      return "namespace";
    case NameKind::service:
      return "service";
    case NameKind::port:
      return "port";
    case NameKind::name:
      break;
  }
  return "name";
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(at + separator.size());
  }
}

bool has_letter(std::string_view text) {
  return std::ranges::any_of(text, [](char byte) {
    return is_letter(byte) || (static_cast<unsigned char>(byte) & 0x80U) != 0;
  });
}

// Of a sentence: dots and dashes at a word's end are not the word's.
std::string_view trimmed(std::string_view word) {
  while (!word.empty() && (word.back() == '.' || word.back() == '-')) {
    word.remove_suffix(1);
  }
  return word;
}

}  // namespace

Redactor::Redactor() {
  keep(kWords);
}

void Redactor::keep(std::string_view text) {
  while (!text.empty()) {
    std::ignore = take_while(text, [](char byte) { return !in_word(byte); });
    const std::string_view whole = trimmed(take_while(text, in_word));
    if (!whole.empty()) {
      kept_.emplace(whole);
    }
  }
}

void Redactor::keep_json_keys(std::string_view text) {
  for (std::size_t end = text.find("\":"); end != std::string_view::npos;
       end = text.find("\":", end + 2)) {
    const std::string_view before = text.substr(0, end);
    const std::size_t quote = before.rfind('"');
    // A key of ours, not the end of a text that somebody else wrote.
    if (quote != std::string_view::npos && quote > 0 && !before.ends_with('\\') &&
        std::string_view{"{, "}.contains(before[quote - 1]) && end - quote < 64) {
      keep(before.substr(quote + 1));
    }
  }
}

void Redactor::keep_metric_names(std::string_view text) {
  for (const std::string_view line : split(text, "\n")) {
    if (line.starts_with('#')) {
      keep(line);
      continue;
    }
    std::string_view rest = line;
    keep(take_while(rest, [](char byte) { return byte != '{' && byte != ' '; }));
    for (std::size_t at = rest.find("=\""); at != std::string_view::npos;
         at = rest.find("=\"", at + 2)) {
      std::size_t start = at;
      while (start > 0 && in_word(rest[start - 1])) {
        --start;
      }
      keep(rest.substr(start, at - start));
    }
  }
}

std::string Redactor::token(std::string_view kind, std::string_view of) {
  std::string key{kind};
  key.append("\0", 1).append(of);
  const auto known = tokens_.find(key);
  if (known != tokens_.end()) {
    return known->second;
  }
  // No name in Kubernetes has capitals.
  std::string made{kind};
  std::ranges::transform(made, made.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  });
  const std::size_t number = ++numbers_[made];
  made += '-' + std::to_string(number);
  tokens_.emplace(std::move(key), made);
  return made;
}

void Redactor::learn_word(std::string_view whole, NameKind kind) {
  whole = trimmed(whole);
  if (!has_letter(whole) || whole.size() > 256 || kept_.contains(whole) || names_.contains(whole) ||
      !hashed_prefix(whole).empty()) {
    return;
  }
  names_.emplace(whole, token(kind_name(kind), whole));
}

// "shop/cart:http", or the rest of a name in nftables: "shop/cart/tcp/http__10.0.0.1/80".
void Redactor::learn_qualified(std::string_view whole) {
  constexpr std::array kKinds{NameKind::name_space, NameKind::service, NameKind::port,
                              NameKind::port};
  std::size_t at = 0;
  for (const std::string_view piece : split(whole, "/")) {
    const NameKind kind = kKinds[std::min(at++, kKinds.size() - 1)];
    const std::size_t colon = std::min(piece.find(':'), piece.size());
    const std::string_view name = piece.substr(0, colon);
    std::size_t size = 0;
    for (const std::string_view part : split(name, "__")) {
      if (!parse_ipv4(part, size)) {
        learn_word(part, kind);
      }
    }
    if (colon < piece.size()) {
      learn_word(piece.substr(colon + 1), NameKind::port);
    }
  }
}

void Redactor::learn(std::string_view phrase) {
  phrase = phrase.substr(0, 1024);
  while (!phrase.empty()) {
    std::ignore =
        take_while(phrase, [](char byte) { return !in_word(byte) && byte != '/' && byte != ':'; });
    std::string_view whole =
        take_while(phrase, [](char byte) { return in_word(byte) || byte == '/' || byte == ':'; });
    std::string_view prefix = whole;
    if (std::size_t size = 0; !take_address(prefix).empty() || parse_ipv4(whole, size)) {
      continue;
    }
    whole.remove_prefix(object_prefix(whole).size());
    if (whole.find('/') != std::string_view::npos) {
      learn_qualified(whole);
    } else {
      for (const std::string_view part : split(whole, ":")) {
        learn_word(part, NameKind::name);
      }
    }
  }
}

void Redactor::learn_node(std::string_view name) {
  if (!has_letter(name) || kept_.contains(name)) {
    return;
  }
  const std::string made = token("node", name);
  nodes_.emplace(name, made);
  const std::string_view host = name.substr(0, name.find('.'));
  if (host != name && has_letter(host) && !kept_.contains(host)) {
    nodes_.emplace(host, made);
    for (const std::string_view part : split(name.substr(host.size() + 1), ".")) {
      learn_word(part, NameKind::name);
    }
  }
}

std::string Redactor::apply(std::string_view text) {
  // Some lines at a time: each step makes a copy.
  constexpr std::size_t kPiece = std::size_t{256} << 10U;
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t end = text.size();
    if (end > kPiece) {
      end = std::min(text.find('\n', kPiece), end - 1) + 1;
    }
    out += without_names(without_addresses(without_node(std::string{text.substr(0, end)})));
    text.remove_prefix(end);
  }
  return out;
}

std::string Redactor::without_node(std::string text) const {
  // The longest first: a node's full name has its short one in it.
  std::vector<std::pair<std::string_view, std::string_view>> nodes{nodes_.begin(), nodes_.end()};
  std::ranges::sort(nodes, std::ranges::greater{},
                    [](const auto& node) { return node.first.size(); });
  for (const auto& [name, made] : nodes) {
    std::size_t from = 0;
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, from)) {
      // "worker-1" is not in "worker-12".
      const std::size_t end = at + name.size();
      if ((at > 0 && is_alphanumeric(text[at - 1])) ||
          (end < text.size() && is_alphanumeric(text[end]))) {
        from = end;
        continue;
      }
      text.replace(at, name.size(), made);
      from = at + made.size();
    }
  }
  return text;
}

std::string Redactor::ipv4(Ipv4 address) {
  const std::string_view network = network_of(address);
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, address.data(), text.data(), text.size());
  return network.empty() ? std::string{text.data()}
                         : token("ipv4-" + std::string{network}, text.data());
}

std::string Redactor::take_ipv4(std::string_view& text) {
  std::size_t size = 0;
  const auto address = parse_ipv4(text, size);
  if (!address) {
    return {};
  }
  text.remove_prefix(size);
  return ipv4(*address);
}

// An address of IPv6, or of hardware: whatever has colons.
std::string Redactor::take_colons(std::string_view& text) {
  std::string_view rest = text;
  std::string_view run =
      take_while(rest, [](char byte) { return is_hex(byte) || byte == ':' || byte == '.'; });
  if (std::ranges::count(run, ':') < 2) {
    return {};
  }
  for (; run.size() >= 2; run.remove_suffix(1)) {
    if (is_hardware_address(run)) {
      text.remove_prefix(run.size());
      return token("mac", run);
    }
    const auto address = parse_ipv6(run);
    // A part of a word is not the end of an address.
    if (!address || (run.size() < text.size() && is_hex(text[run.size()]))) {
      continue;
    }
    text.remove_prefix(run.size());
    if (IN6_IS_ADDR_V4MAPPED(&*address)) {
      Ipv4 mapped{};
      std::memcpy(mapped.data(), &address->s6_addr[12], mapped.size());
      return "::ffff:" + ipv4(mapped);
    }
    const std::string_view network = network_of(*address);
    if (network.empty()) {
      return std::string{run};
    }
    std::array<char, INET6_ADDRSTRLEN> canonical{};
    ::inet_ntop(AF_INET6, &*address, canonical.data(), canonical.size());
    return token("ipv6-" + std::string{network}, canonical.data());
  }
  return {};
}

std::string Redactor::take_address(std::string_view& text) {
  if (const std::string made = take_colons(text); !made.empty()) {
    return made;
  }
  return take_ipv4(text);
}

std::string Redactor::without_addresses(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  char before = ' ';
  while (!text.empty()) {
    const char first = text.front();
    // An address with colons begins where a word could, one without also within a word.
    const bool starts = !is_letter(before) && !is_digit(before) && before != '_';
    std::string made;
    if (starts && (is_hex(first) || first == ':')) {
      made = take_colons(text);
    }
    if (made.empty() && is_digit(first) && !is_digit(before)) {
      made = take_ipv4(text);
    }
    if (!made.empty()) {
      out += made;
      before = out.back();
      continue;
    }
    out += first;
    before = first;
    text.remove_prefix(1);
  }
  return out;
}

std::string Redactor::without_names(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    out += take_while(text, [](char byte) { return !in_word(byte); });
    if (!text.empty()) {
      out += word(take_while(text, in_word));
    }
  }
  return out;
}

std::string Redactor::word(std::string_view whole) {
  const std::string_view end = whole.substr(trimmed(whole).size());
  whole.remove_suffix(end.size());
  std::string made;
  if (const auto name = names_.find(whole); name != names_.end()) {
    made = name->second;
  } else if (const std::string_view prefix = hashed_prefix(whole); !prefix.empty()) {
    made = std::string{prefix} + token("hash", whole.substr(prefix.size()));
  } else if (const std::string_view object = object_prefix(whole); !object.empty()) {
    const std::string_view hash = object.substr(object.size() - kShortHash - 1, kShortHash);
    made = std::string{object.substr(0, object.size() - kShortHash - 1)} + token("hash", hash) +
           '-' + word(whole.substr(object.size()));
  } else if (const auto id = find_id(whole)) {
    made = word(whole.substr(0, id->first)) + token("id", whole.substr(id->first, id->second)) +
           word(whole.substr(id->first + id->second));
  } else if (whole.find_first_of("._") != std::string_view::npos && !kept_.contains(whole)) {
    // Names may stand in names: those of hosts, of backends.
    std::string_view rest = whole;
    while (!rest.empty()) {
      made += part(take_while(rest, in_part));
      made += take_while(rest, [](char byte) { return !in_part(byte); });
    }
  } else {
    made = part(whole);
  }
  return made.append(end);
}

std::string Redactor::part(std::string_view piece) {
  if (const auto name = names_.find(piece); name != names_.end()) {
    return name->second;
  }
  // A node's name as some clouds make it: "ip-10-0-1-2".
  if (piece.starts_with("ip-")) {
    std::string dotted{piece.substr(3)};
    std::ranges::replace(dotted, '-', '.');
    std::size_t size = 0;
    if (const auto address = parse_ipv4(dotted, size); address && size == dotted.size()) {
      return "ip-" + ipv4(*address);
    }
  }
  return std::string{piece};
}

}  // namespace kubecliff::evidence
