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

#include "collectors/core/split.h"

namespace kubecliff::evidence {
namespace {

using Ipv4 = std::array<std::uint8_t, 4>;

// What Kubernetes, its rules and this bundle say of themselves. A name that is one of these words
// tells nothing.
constexpr std::string_view kWords =
    "kubernetes kube-system kube-dns kube-proxy kubelet kube-node-lease kube-public default "
    "coredns "
    "metrics-server metrics dns dns-tcp dns-udp http https tcp udp sctp icmp icmpv6 ipv4 ipv6 ip "
    "ip6 inet arp bridge netdev node pod service services namespace cluster IP IPs port external "
    "loadbalancer load balancer LB has no not endpoints local LOCAL localnet connections "
    "connection "
    "traffic for from destinations destination masquerade purpose requiring SNAT DNAT portals "
    "portal "
    "forwarding conntrack rule rules postrouting nodeports nodeport must be will dropped accepted "
    "the last in this chain NOTE firewall health check ports externally-visible block incoming "
    "route "
    "redirect pods trying to reach VIP clusterIP outside handle hairpin INPUT OUTPUT FORWARD "
    "PREROUTING POSTROUTING ACCEPT DROP REJECT RETURN MASQUERADE MARK LOG jump goto nat filter "
    "mangle raw security kube kubecliff kubecliff.report iptables nftables ipvs nft eth0 lo "
    "docker0 "
    "cni0 flannel cali cilium true false null linux Kubernetes localhost svc via off on all none "
    "ClusterIP ExternalIP LoadBalancer LoadBalancerSourceRanges NodePort Active that accept are "
    "subject vmap drop reject packets with short-circuit sent by other of and or a at out critical "
    "warning above below KUBE-PROXY-FIREWALL IN "
    // Control groups and threads of the kernel, in its log.
    "slice scope system user machine init containerd crio docker libpod kubepods burstable "
    "besteffort guaranteed kubepods-burstable kubepods-besteffort kubepods-pod "
    "kubepods-burstable-pod kubepods-besteffort-pod cri-containerd lxc payload machine-qemu "
    "kworker ksoftirqd swapper "
    // Paths.
    "host proc sys fs bpf etc var run lib opt usr secrets kubernetes.io serviceaccount config "
    "conf config.conf resolv.conf xtables.lock";

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

bool is_ipv4(std::string_view text) {
  std::size_t size = 0;
  return parse_ipv4(text, size) && size == text.size();
}

// Where one begins within a word, and its length.
std::optional<std::pair<std::size_t, std::size_t>> find_ipv4(std::string_view word) {
  if (std::ranges::count(word, '.') < 3) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < word.size(); ++i) {
    std::size_t size = 0;
    if (is_digit(word[i]) && (i == 0 || !is_digit(word[i - 1])) &&
        parse_ipv4(word.substr(i), size)) {
      return std::pair{i, size};
    }
  }
  return std::nullopt;
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

bool is_hash(std::string_view text) {
  return std::ranges::all_of(
      text, [](char byte) { return (byte >= 'A' && byte <= 'Z') || (byte >= '2' && byte <= '7'); });
}

// What stands before a hash of names that can be guessed: "KUBE-SVC-" of
// "KUBE-SVC-ERIFXISQEP7F7OF4", "cali" of "cali0123456789a", which is the device of a pod. Empty for
// any other word.
std::string_view hashed_prefix(std::string_view word) {
  constexpr std::array<std::string_view, 8> kOfBase32{"KUBE-SVC-",    "KUBE-SVL-",   "KUBE-SEP-",
                                                      "KUBE-EXT-",    "KUBE-FW-",    "KUBE-XLB-",
                                                      "KUBE-POD-FW-", "KUBE-NWPLCY-"};
  constexpr std::array<std::string_view, 4> kOfHex{"cali", "cali-tw-cali", "cali-fw-cali",
                                                   "cali-sm-cali"};
  constexpr std::size_t kBase32 = 16;
  constexpr std::size_t kHex = 11;
  const auto before = [word](std::size_t hash) {
    return word.substr(0, word.size() - std::min(hash, word.size()));
  };
  const std::string_view chain = before(kBase32);
  if (std::ranges::find(kOfBase32, chain) != kOfBase32.end() &&
      is_hash(word.substr(chain.size()))) {
    return chain;
  }
  const std::string_view device = before(kHex);
  const bool of_hex = std::ranges::find(kOfHex, device) != kOfHex.end() &&
                      std::ranges::all_of(word.substr(device.size()), is_hex);
  return of_hex ? device : std::string_view{};
}

constexpr std::size_t kShortHash = 8;  // of kube-proxy's objects in nftables

// "service-ULMVA6XW-" of "service-ULMVA6XW-ns": what the names of these objects begin with.
std::string_view object_prefix(std::string_view word) {
  constexpr std::array<std::string_view, 6> kRoles{"service",  "local",    "external",
                                                   "firewall", "endpoint", "affinity"};
  const std::size_t dash = word.find('-');
  if (dash == std::string_view::npos || word.size() < dash + kShortHash + 3 ||
      word[dash + kShortHash + 1] != '-' || !is_hash(word.substr(dash + 1, kShortHash)) ||
      std::ranges::find(kRoles, word.substr(0, dash)) == kRoles.end()) {
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
      const std::size_t pod = word.substr(0, i + 1).ends_with("pod") ? 1 : 0;
      return std::pair{i + pod, run - pod};
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

bool has_letter(std::string_view text) {
  return std::ranges::any_of(text, [](char byte) {
    return is_letter(byte) || (static_cast<unsigned char>(byte) & 0x80U) != 0;
  });
}

// Without what neither begins nor ends a name: the full stop of a sentence, the dashes of an
// option.
std::string_view trimmed(std::string_view word) {
  const auto is_edge = [](char byte) { return byte == '.' || byte == '-' || byte == '_'; };
  std::ignore = take_while(word, is_edge);
  while (!word.empty() && is_edge(word.back())) {
    word.remove_suffix(1);
  }
  return word;
}

// How long the address at the front of `text` is that has colons, of IPv6 or of hardware; 0: none.
std::size_t colons_size(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  std::string_view rest = text.substr(0, kLongest);
  std::string_view run =
      take_while(rest, [](char byte) { return is_hex(byte) || byte == ':' || byte == '.'; });
  if (std::ranges::count(run, ':') < 2) {
    return 0;
  }
  for (; run.size() >= 2; run.remove_suffix(1)) {
    // A part of a word is not the end of an address.
    const bool ends = run.size() == text.size() || !is_hex(text[run.size()]);
    if (is_hardware_address(run) || (ends && parse_ipv6(run))) {
      return run.size();
    }
  }
  return 0;
}

constexpr std::size_t kLongestWord = 1'024;

// A text in pieces: addresses with colons, words, and what is between them. What is learned and
// what is replaced are cut alike.
struct Piece {
  enum class Kind : std::uint8_t { other, word, colons } kind = Kind::other;
  std::string_view text;
};

class Pieces {
 public:
  explicit Pieces(std::string_view text) : text_{text} {}

  [[nodiscard]] bool done() const { return at_ == text_.size(); }

  Piece next() {
    if (const std::size_t size = colons_at(at_); size > 0) {
      return take(Piece::Kind::colons, size);
    }
    const std::string_view left = text_.substr(at_);
    std::string_view word = left.substr(0, kLongestWord);
    std::size_t size = take_while(word, in_word).size();
    if (size > 0) {
      // An address may begin within it: "x-fd00::1".
      const bool ends_in_colon = left.substr(size).starts_with(':');
      for (std::size_t i = 1; ends_in_colon && i < size; ++i) {
        size = colons_at(at_ + i) > 0 ? i : size;
      }
      return take(Piece::Kind::word, size);
    }
    for (size = 1; size < left.size() && !in_word(left[size]) && colons_at(at_ + size) == 0;) {
      ++size;
    }
    return take(Piece::Kind::other, size);
  }

 private:
  // The size of an address with colons that begins here.
  [[nodiscard]] std::size_t colons_at(std::size_t at) const {
    const bool can =
        (is_hex(text_[at]) || text_[at] == ':') && (at == 0 || !is_alphanumeric(text_[at - 1]));
    return can ? colons_size(text_.substr(at)) : 0;
  }
  Piece take(Piece::Kind kind, std::size_t size) {
    at_ += size;
    return {.kind = kind, .text = text_.substr(at_ - size, size)};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// The address of an endpoint in the names of kube-proxy's objects in nftables, where dots stand for
// colons; empty where it is none.
std::string endpoint_address(std::string_view text) {
  std::string address{text};
  if (!is_ipv4(text)) {
    std::ranges::replace(address, '.', ':');
    address = parse_ipv6(address) ? address : std::string{};
  }
  return address;
}

std::string_view without_endpoint(std::string_view word) {
  const std::size_t underlines = std::min(word.rfind("__"), word.size());
  return endpoint_address(word.substr(std::min(underlines + 2, word.size()))).empty()
             ? word
             : word.substr(0, underlines);
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

void Redactor::keep_release(std::string_view release) {
  release = release.substr(0, release.find('+'));
  if (!is_ipv4(release) && std::ranges::all_of(release, in_word)) {
    kept_.emplace(release);
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
  const bool number_or_time = whole.find_first_not_of("0123456789-._TZ") == std::string_view::npos;
  if (number_or_time || kept_.contains(whole) || names_.contains(whole) ||
      !hashed_prefix(whole).empty() || is_node(whole)) {
    return;
  }
  // Of what has an id in it the rest is the name: the next one of its kind has another id.
  if (const auto id = find_id(whole)) {
    learn_word(whole.substr(0, id->first), kind);
    learn_word(whole.substr(id->first + id->second), kind);
    return;
  }
  names_.emplace(whole, token(kind_name(kind), whole));
  // What is beside an address is a name without it, too.
  if (const auto address = find_ipv4(whole)) {
    learn_word(whole.substr(0, address->first), kind);
    learn_word(whole.substr(address->first + address->second), kind);
  }
}

// "shop/cart:http", or the rest of a name in nftables: "shop/cart/tcp/http__10.0.0.1/80".
void Redactor::learn_qualified(std::string_view whole) {
  constexpr std::array kKinds{NameKind::name_space, NameKind::service, NameKind::port};
  std::size_t slashes = 0;
  bool is_port = false;
  for (Pieces pieces{whole}; !pieces.done();) {
    const auto [kind, text] = pieces.next();
    if (kind == Piece::Kind::other) {
      slashes += static_cast<std::size_t>(std::ranges::count(text, '/'));
      is_port = text.ends_with(':');
    } else if (kind == Piece::Kind::word) {
      const NameKind name = is_port ? NameKind::port : kKinds[std::min(slashes, kKinds.size() - 1)];
      learn_word(without_endpoint(text), name);
      for (const std::string_view part : split(text, "__")) {
        if (endpoint_address(part).empty()) {
          learn_word(part, name);
        }
      }
    }
  }
}

void Redactor::learn(std::string_view phrase) {
  const auto in_name = [](char byte) { return in_word(byte) || byte == '/' || byte == ':'; };
  phrase = phrase.substr(0, kLongestWord);
  while (!phrase.empty()) {
    std::ignore = take_while(phrase, [&](char byte) { return !in_name(byte); });
    std::string_view whole = take_while(phrase, in_name);
    if (whole.find('/') != std::string_view::npos) {
      whole.remove_prefix(object_prefix(whole).size());
      learn_qualified(whole);
      continue;
    }
    for (Pieces pieces{whole}; !pieces.done();) {
      if (const auto [kind, text] = pieces.next(); kind == Piece::Kind::word) {
        learn_word(text, NameKind::name);
      }
    }
  }
}

void Redactor::learn_node(std::string_view name) {
  constexpr std::size_t kShortestNumber = 4;  // "7" is in too many texts
  const std::string_view host = name.substr(0, name.find('.'));
  std::string lower{name};
  std::ranges::transform(lower, lower.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  const std::string made = token("node", name);
  for (const std::string_view form :
       {name, host, std::string_view{lower}, std::string_view{lower}.substr(0, host.size())}) {
    if ((has_letter(form) || form.size() >= kShortestNumber) && !kept_.contains(form) &&
        !is_node(form)) {
      nodes_.emplace_back(form, made);
    }
  }
  // The longest first: a node's full name has its short one in it.
  std::ranges::sort(nodes_, std::ranges::greater{},
                    [](const auto& node) { return node.first.size(); });
  if (host != name) {
    for (const std::string_view part : split(name.substr(host.size() + 1), ".")) {
      learn_word(part, NameKind::name);
    }
  }
}

bool Redactor::is_node(std::string_view word) const {
  return std::ranges::any_of(nodes_, [word](const auto& node) { return node.first == word; });
}

std::string Redactor::apply(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (Pieces pieces{text}; !pieces.done();) {
    const Piece piece = pieces.next();
    switch (piece.kind) {
      case Piece::Kind::colons:
        out += colons(piece.text);
        break;
      case Piece::Kind::word:
        put_word(piece.text, out);
        break;
      case Piece::Kind::other:
        out += piece.text;
        break;
    }
  }
  return out;
}

std::string Redactor::ipv4(Ipv4 address) {
  const std::string_view network = network_of(address);
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, address.data(), text.data(), text.size());
  return network.empty() ? std::string{text.data()}
                         : token("ipv4-" + std::string{network}, text.data());
}

std::string Redactor::ipv4(std::string_view text) {
  std::size_t size = 0;
  return ipv4(parse_ipv4(text, size).value_or(Ipv4{}));
}

std::string Redactor::colons(std::string_view text) {
  const auto address = parse_ipv6(text);
  if (!address) {
    return token("mac", text);
  }
  if (IN6_IS_ADDR_V4MAPPED(&*address)) {
    Ipv4 mapped{};
    std::memcpy(mapped.data(), &address->s6_addr[12], mapped.size());
    return "::ffff:" + ipv4(mapped);
  }
  const std::string_view network = network_of(*address);
  if (network.empty()) {
    return std::string{text};
  }
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  ::inet_ntop(AF_INET6, &*address, canonical.data(), canonical.size());
  return token("ipv6-" + std::string{network}, canonical.data());
}

// What was learned goes before what is recognised: names may have the node's name and addresses in
// them.
void Redactor::put_word(std::string_view word, std::string& out) {
  const std::string_view whole = trimmed(word);
  if (whole.empty()) {
    out += word;
    return;
  }
  const auto before = static_cast<std::size_t>(whole.data() - word.data());
  const std::string_view after = word.substr(before + whole.size());
  const auto put_around = [&](std::size_t at, std::size_t size, std::string_view made) {
    put_word(whole.substr(0, at), out);
    out += made;
    put_word(whole.substr(at + size), out);
    out += after;
  };
  const std::size_t underlines = word.rfind("__");
  const std::string endpoint = underlines == std::string_view::npos || names_.contains(whole)
                                   ? std::string{}
                                   : endpoint_address(word.substr(underlines + 2));
  if (!endpoint.empty()) {
    put_word(word.substr(0, underlines), out);
    out += "__";
    out += is_ipv4(endpoint) ? ipv4(endpoint) : colons(endpoint);
    return;
  }
  out += word.substr(0, before);
  if (kept_.contains(whole)) {
    out += whole;
    out += after;
  } else if (put_known(whole, out)) {
    out += after;
  } else if (const std::string_view object = object_prefix(whole); !object.empty()) {
    const std::size_t hash = object.size() - kShortHash - 1;
    out += object.substr(0, hash);
    put_around(0, object.size(), token("hash", object.substr(hash, kShortHash)) + '-');
  } else if (const auto id = find_id(whole)) {
    put_around(id->first, id->second, token("id", whole.substr(id->first, id->second)));
  } else if (const auto node = find_node(whole, Dots::with)) {
    put_around(node->at, node->size, node->token);
  } else if (const auto address = find_ipv4(whole)) {
    put_around(address->first, address->second,
               ipv4(whole.substr(address->first, address->second)));
  } else {
    // Names may stand in names: those of hosts, of backends.
    std::string_view rest = whole;
    while (!rest.empty()) {
      put_part(take_while(rest, in_part), out);
      out += take_while(rest, [](char byte) { return !in_part(byte); });
    }
    out += after;
  }
}

// Whether it is a name, or one after a prefix: "cali-zebra", "lxc_zebra"; or ends in a hash of one.
bool Redactor::put_known(std::string_view word, std::string& out) {
  if (const auto name = names_.find(word); name != names_.end()) {
    out += name->second;
    return true;
  }
  if (const std::string_view hashed = hashed_prefix(word); !hashed.empty()) {
    out += hashed;
    out += token("hash", word.substr(hashed.size()));
    return true;
  }
  const std::size_t prefix = word.find_first_of("-_") + 1;
  const auto name = prefix == 0 ? names_.end() : names_.find(word.substr(prefix));
  if (name == names_.end()) {
    return false;
  }
  out += word.substr(0, prefix);
  out += name->second;
  return true;
}

std::optional<Redactor::Found> Redactor::find_node(std::string_view word, Dots dots) const {
  for (const auto& [name, made] : nodes_) {
    if ((name.find_first_of("._") != std::string::npos) != (dots == Dots::with)) {
      continue;
    }
    for (std::size_t at = word.find(name); at != std::string_view::npos;
         at = word.find(name, at + 1)) {
      // "worker-1" is not in "worker-12".
      const std::size_t end = at + name.size();
      if ((at == 0 || !is_alphanumeric(word[at - 1])) &&
          (end == word.size() || !is_alphanumeric(word[end]))) {
        return Found{.at = at, .size = name.size(), .token = made};
      }
    }
  }
  return std::nullopt;
}

void Redactor::put_part(std::string_view part, std::string& out) {
  if (put_known(part, out)) {
    return;
  }
  if (const auto node = find_node(part, Dots::without)) {
    put_part(part.substr(0, node->at), out);
    out += node->token;
    put_part(part.substr(node->at + node->size), out);
    return;
  }
  // A node's name as some clouds make it: "ip-10-0-1-2".
  if (part.starts_with("ip-")) {
    std::string dotted{part.substr(3)};
    std::ranges::replace(dotted, '-', '.');
    if (is_ipv4(dotted)) {
      out += "ip-" + ipv4(dotted);
      return;
    }
  }
  out += part;
}

}  // namespace kubecliff::evidence
