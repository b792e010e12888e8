#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "collectors/kernel/netlink_socket.h"
#include "collectors/kernel/procfs.h"
#include "collectors/nic/tunnels.h"
#include "collectors/sockets/state_counter.h"
#include "exporter/evidence/gather.h"
#include "exporter/evidence/json_lines.h"
#include "exporter/evidence/rtnetlink_listing.h"

namespace kubecliff::evidence {
namespace {

using namespace std::chrono_literals;
using netlink::Message;

constexpr std::size_t kMostLinks = 20'000;
constexpr std::size_t kMostAddresses = 20'000;
constexpr std::size_t kMostRoutes = 20'000;

class Network {
 public:
  Gathered gather() {
    const ifinfomsg links{};
    if (!dump("network/links.jsonl", RTM_GETLINK, bytes_of(links), kMostLinks,
              [this](const Message& message, Lines& lines) {
                return list_link(message, devices_, lines, names_);
              })) {
      gathered_.names_seen = NamesSeen::not_all;
    }
    const ifaddrmsg addresses{};
    dump("network/addresses.jsonl", RTM_GETADDR, bytes_of(addresses), kMostAddresses,
         [this](const Message& message, Lines& lines) {
           return list_address(message, devices_, lines);
         });
    const rtmsg routes{};
    dump("network/routes.jsonl", RTM_GETROUTE, bytes_of(routes), kMostRoutes,
         [this](const Message& message, Lines& lines) {
           return list_route(message, devices_, lines);
         });
    list_tunnels();
    gathered_.names = names_.take();
    return std::move(gathered_);
  }

 private:
  // Whether it was read whole.
  template <typename List>
  bool dump(const std::string& file, std::uint16_t type, Bytes header, std::size_t most,
            const List& list) {
    std::string text;
    // A node that starts pods changes these all the time.
    const Result<void> asked = netlink::until_whole([&]() -> Result<void> {
      netlink::Request question = netlink::Request::plain(type, NLM_F_DUMP, header);
      Lines lines{kUsual.file};
      Result<void> dumped = socket_.ask(question, [&](const Message& message) -> Result<void> {
        if (lines.all() == most) {
          return fail(ErrorKind::unavailable, "cut after " + std::to_string(most) + " entries");
        }
        return list(message, lines) ? Result<void>{}
                                    : fail(ErrorKind::malformed, "broken message of rtnetlink");
      });
      text = lines.take();
      return dumped;
    });
    if (!asked) {
      gathered_.missed.push_back({.name = file, .reason = asked.error().message});
    }
    gathered_.files.push_back({.name = file, .content = std::move(text)});
    return asked.has_value();
  }

  void list_tunnels() {
    constexpr std::string_view kFile = "network/tunnels.jsonl";
    const auto links = nic::list_links(socket_);
    const auto headrooms = links
                               ? nic::tell_headrooms(socket_, *links)
                               : Result<std::vector<nic::Headroom>>{std::unexpected(links.error())};
    if (!headrooms) {
      gathered_.missed.push_back({.name = std::string{kFile}, .reason = headrooms.error().message});
      return;
    }
    Lines lines{kUsual.file};
    for (const nic::Headroom& headroom : *headrooms) {
      lines.add(Json{{"device", clean(headroom.device)},
                     {"kind", nic::name(headroom.kind)},
                     {"headroom_bytes", headroom.bytes},
                     {"fragments", headroom.bytes < 0}});
    }
    gathered_.files.push_back({.name = std::string{kFile}, .content = lines.take()});
  }

  netlink::Socket socket_{netlink::kernel_transport(NETLINK_ROUTE)};
  DeviceNames devices_;
  Names names_;
  Gathered gathered_;
};

Gathered gather_sockets(const Question& question) {
  Gathered gathered;
  constexpr std::string_view kFile = "network/sockets.json";
  const auto counts = sockets::StateCounter{question.settings.procfs}.count();
  if (!counts || !*counts) {
    gathered.missed.push_back(
        {.name = std::string{kFile},
         .reason = counts ? "the modules inet_diag and tcp_diag are not loaded; ss loads them"
                          : counts.error().message});
    return gathered;
  }
  Json json;
  for (std::size_t i = 0; i < sockets::kStates.size(); ++i) {
    json["tcp"][std::string{sockets::kStates[i]}] = (**counts)[i];
  }
  gathered.files.push_back({.name = std::string{kFile}, .content = json.dump(2) + "\n"});
  return gathered;
}

// Counters alone: nothing in these names anybody.
Gathered gather_counters(const Question& question) {
  constexpr std::array<std::string_view, 10> kFiles{"sockstat",
                                                    "sockstat6",
                                                    "snmp",
                                                    "snmp6",
                                                    "netstat",
                                                    "softnet_stat",
                                                    "stat/nf_conntrack",
                                                    "stat/arp_cache",
                                                    "stat/ndisc_cache",
                                                    "stat/rt_cache"};
  Gathered gathered;
  for (const std::string_view file : kFiles) {
    const auto text = read_if_present(question.settings.procfs / "net" / file);
    std::string name = "network/stat/" + std::string{file.substr(file.find('/') + 1)};
    if (!text) {
      gathered.missed.push_back({.name = std::move(name), .reason = text.error().message});
    } else if (*text) {
      gathered.files.push_back({.name = std::move(name) + ".txt", .content = **text});
    }
  }
  return gathered;
}

}  // namespace

void add_network_sources(const QuestionPtr& question, std::vector<Source>& sources) {
  sources.push_back({.name = "network", .deadline = 5s, .names = Source::Names::some, .gather = [] {
                       return Network{}.gather();
                     }});
  sources.push_back({.name = "sockets", .deadline = 5s, .gather = [question] {
                       return gather_sockets(*question);
                     }});
  sources.push_back({.name = "network counters", .deadline = 2s, .gather = [question] {
                       return gather_counters(*question);
                     }});
}

}  // namespace kubecliff::evidence
