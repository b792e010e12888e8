#include "exporter/evidence/redact.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "collectors/core/split.h"
#include "exporter/evidence/recognise.h"

namespace kubecliff::evidence {
namespace {

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
