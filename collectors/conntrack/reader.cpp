#include "collectors/conntrack/reader.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace kubecliff::conntrack {
namespace {

using netlink::Message;
using netlink::Request;

Request request(std::uint8_t command, std::uint16_t flags) {
  return Request::nfnetlink(NFNL_SUBSYS_CTNETLINK, command, flags, AF_UNSPEC);
}

std::unexpected<Error> ctnetlink_failed(Error error) {
  return prefixed("ctnetlink", std::move(error));
}

// Only an interface that is closed to us is passed over: a timeout of one that works is a failure.
bool closed(const Error& error) {
  return error.kind == ErrorKind::denied || error.kind == ErrorKind::unavailable;
}

// What `ask` reads by ctnetlink or else `read` from /proc. Where neither does, both say why.
template <typename Ask, typename Read>
std::invoke_result_t<Ask> from_either(Availability& availability, Ask ask, Read read) {
  using Answer = std::invoke_result_t<Ask>;

  if (Result<void> tracked = availability.tracking(); !tracked) {
    return std::unexpected(std::move(tracked.error()));
  }
  const Result<void> asked = availability.ctnetlink();
  Answer answer = asked ? ask() : Answer{std::unexpected(asked.error())};
  if (answer || !closed(answer.error())) {
    return answer;
  }
  Answer fallback = read();
  if (!fallback) {
    answer.error().message += "; " + fallback.error().message;
    return answer;
  }
  return fallback;
}

}  // namespace

Reader::Reader(std::filesystem::path procfs, Availability availability,
               netlink::TransportFactory open)
    : procfs_{std::move(procfs)},
      availability_{std::move(availability)},
      buckets_{procfs_ / "sys/net/netfilter/nf_conntrack_buckets"},
      socket_{std::move(open)},
      size_request_{request(IPCTNL_MSG_CT_GET_STATS, 0)},
      counters_request_{request(IPCTNL_MSG_CT_GET_STATS_CPU, NLM_F_DUMP)},
      flows_request_{request(IPCTNL_MSG_CT_GET, NLM_F_DUMP)} {}

Result<TableSize> Reader::read_size() {
  const auto ask = [this]() -> Result<TableSize> {
    Result<TableSize> size = fail(ErrorKind::malformed, "ctnetlink: no statistics in the answer");
    const Result<void> asked = socket_.ask(size_request_, [&](const Message& message) {
      size = decode_table_size(message.payload);
      return Result<void>{};
    });
    if (!asked) {
      return ctnetlink_failed(asked.error());
    }
    return size;
  };
  const auto read = [this]() -> Result<TableSize> {
    const Result<std::uint64_t> entries =
        read_number(procfs_ / "sys/net/netfilter/nf_conntrack_count");
    if (!entries) {
      return std::unexpected(entries.error());
    }
    const Result<std::uint64_t> limit = read_number(procfs_ / "sys/net/netfilter/nf_conntrack_max");
    if (!limit) {
      return std::unexpected(limit.error());
    }
    return TableSize{.entries = *entries, .limit = *limit};
  };
  return from_either(availability_, ask, read);
}

Result<std::vector<CpuCounters>> Reader::read_counters() {
  const auto ask = [this]() -> Result<std::vector<CpuCounters>> {
    std::vector<CpuCounters> cpus;
    const Result<void> asked =
        socket_.ask(counters_request_, [&](const Message& message) -> Result<void> {
          const Result<CpuCounters> cpu = decode_cpu_counters(message.payload);
          if (!cpu) {
            return std::unexpected(cpu.error());
          }
          cpus.push_back(*cpu);
          return {};
        });
    if (!asked) {
      return ctnetlink_failed(asked.error());
    }
    if (cpus.empty()) {
      return fail(ErrorKind::malformed, "ctnetlink: statistics of no CPU");
    }
    return cpus;
  };
  const auto read = [this]() -> Result<std::vector<CpuCounters>> {
    const Result<std::string> text = read_file(procfs_ / "net/stat/nf_conntrack");
    if (!text) {
      return std::unexpected(text.error());
    }
    return parse_cpu_counters(*text);
  };
  return from_either(availability_, ask, read);
}

Result<std::uint64_t> Reader::read_buckets() {
  if (Result<void> tracked = availability_.tracking(); !tracked) {
    return std::unexpected(std::move(tracked.error()));
  }
  return buckets_.read_number();
}

Result<FlowCounts> Reader::count_flows(const std::function<void(const Flow& flow)>& visit) {
  for (const Result<void>& available : {availability_.tracking(), availability_.ctnetlink()}) {
    if (!available) {
      return std::unexpected(available.error());
    }
  }
  FlowCounts counts;
  const Result<void> asked =
      socket_.ask(flows_request_, [&](const Message& message) -> Result<void> {
        const Result<Flow> flow = decode_flow(message.payload);
        if (!flow) {
          return std::unexpected(flow.error());
        }
        counts.add(flow->flow_class);
        visit(*flow);
        return {};
      });
  if (!asked) {
    return ctnetlink_failed(asked.error());
  }
  return counts;
}

}  // namespace kubecliff::conntrack
