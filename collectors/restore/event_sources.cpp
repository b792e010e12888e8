#include "collectors/restore/event_sources.h"

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <tuple>

#include "collectors/kernel/generic_netlink.h"
#include "collectors/kernel/host_network.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/kernel/procfs.h"

namespace kubecliff::restore {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{1};

Result<void> subscribe(const EventSocket& socket, proc_cn_mcast_op operation) {
  std::array<std::byte, sizeof(nlmsghdr) + sizeof(cn_msg) + sizeof(operation)> request{};
  nlmsghdr header{};
  header.nlmsg_len = request.size();
  header.nlmsg_type = NLMSG_DONE;
  cn_msg message{};
  message.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC};
  message.len = sizeof(operation);
  std::memcpy(request.data(), &header, sizeof(header));
  std::memcpy(request.data() + sizeof(header), &message, sizeof(message));
  std::memcpy(request.data() + sizeof(header) + sizeof(message), &operation, sizeof(operation));
  return socket.send(request);
}

// Whether `done` became true of what came in the meantime.
template <typename Drain, typename Done>
Result<bool> await(const EventSocket& socket, Drain drain, Done done) {
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (!done()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      return false;
    }
    pollfd waiting{.fd = socket.descriptor(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(left)) < 0 && errno != EINTR) {
      return fail_errno(errno, "wait on netlink socket");
    }
    if (const auto drained = drain(); !drained) {
      return std::unexpected(drained.error());
    }
  }
  return true;
}

Result<void> check_namespaces() {
  if (!in_first_process_namespace("/proc")) {
    return fail(ErrorKind::unavailable,
                "the kernel tells about processes only in the node's own process namespace "
                "(hostPID: true)");
  }
  if (!in_first_user_namespace("/proc")) {
    return fail(ErrorKind::unavailable,
                "the kernel tells about processes only in the node's own user namespace "
                "(hostUsers: true)");
  }
  return {};
}

Result<std::uint16_t> taskstats_protocol() {
  netlink::Socket socket{netlink::kernel_transport(NETLINK_GENERIC)};
  Result<std::uint16_t> protocol = netlink::find_generic_family(socket, TASKSTATS_GENL_NAME);
  return protocol ? protocol : prefixed("taskstats (CONFIG_TASKSTATS)", protocol.error());
}

}  // namespace

Result<ProcessConnector> ProcessConnector::open() {
  if (const Result<void> here = check_namespaces(); !here) {
    return std::unexpected(here.error());
  }
  Result<EventSocket> socket =
      EventSocket::open(NETLINK_CONNECTOR, CN_IDX_PROC, every_exit_filter());
  const Result<void> asked =
      socket ? subscribe(*socket, PROC_CN_MCAST_LISTEN) : std::unexpected(socket.error());
  if (!asked) {
    // The first where the kernel has no connector at all, the second where it has none here.
    const int error = asked.error().errno_value;
    if (error == EPROTONOSUPPORT || error == ECONNREFUSED) {
      return fail(ErrorKind::unavailable,
                  "no process connector: not in the node's network namespace (hostNetwork: true), "
                  "or a kernel without CONFIG_PROC_EVENTS");
    }
    return prefixed("process connector", asked.error());
  }
  ProcessConnector connector{std::move(*socket)};
  bool acknowledged = false;
  const auto drain = [&] {
    return connector.drain([&](const ProcessEvent& event) {
      acknowledged |= event.kind == ProcessEvent::Kind::acknowledged;
    });
  };
  const Result<bool> listening = await(connector.socket_, drain, [&] { return acknowledged; });
  if (!listening) {
    return prefixed("process connector", listening.error());
  }
  if (!*listening) {
    return fail(ErrorKind::unavailable,
                "the process connector does not answer: a kernel without CONFIG_PROC_EVENTS");
  }
  return connector;
}

ProcessConnector::~ProcessConnector() {
  if (socket_.descriptor() >= 0) {
    std::ignore = subscribe(socket_, PROC_CN_MCAST_IGNORE);
  }
}

Result<EventSocket::Drained> ProcessConnector::drain(
    const std::function<void(const ProcessEvent&)>& visit) const {
  return socket_.drain([&](Bytes datagram) {
    if (const auto event = decode_process_event(datagram)) {
      visit(*event);
    }
  });
}

Result<TaskStats> TaskStats::open() {
  const Result<std::uint16_t> protocol = taskstats_protocol();
  if (!protocol) {
    return std::unexpected(protocol.error());
  }
  Result<std::string> processors = read_file("/sys/devices/system/cpu/possible");
  if (!processors) {
    return std::unexpected(processors.error());
  }
  processors->erase(processors->find_last_not_of('\n') + 1);

  Result<EventSocket> socket = EventSocket::open(NETLINK_GENERIC, 0, task_exit_filter());
  if (!socket) {
    return prefixed("taskstats", socket.error());
  }
  netlink::Request registration =
      netlink::Request::generic(*protocol, TASKSTATS_CMD_GET, NLM_F_ACK);
  registration.put_text(TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, *processors);
  if (const Result<void> sent = socket->send(registration.finish(1)); !sent) {
    return prefixed("taskstats", sent.error());
  }

  std::optional<int> answer;
  const auto drain = [&] {
    return socket->drain([&](Bytes datagram) {
      const auto header = read_as<nlmsghdr>(datagram);
      if (header && header->nlmsg_type == NLMSG_ERROR) {
        answer = read_as<std::int32_t>(datagram, sizeof(nlmsghdr));
      }
    });
  };
  const Result<bool> answered = await(*socket, drain, [&] { return answer.has_value(); });
  if (!answered) {
    return prefixed("taskstats", answered.error());
  }
  if (!*answered) {
    return fail(ErrorKind::timeout, "taskstats: the kernel does not answer");
  }
  if (*answer < 0) {
    return fail_errno(-*answer, "taskstats: kernel refused");
  }
  return TaskStats{std::move(*socket)};
}

Result<EventSocket::Drained> TaskStats::drain(
    const std::function<void(const TaskExit&)>& visit) const {
  return socket_.drain([&](Bytes datagram) {
    if (const auto exit = decode_task_exit(datagram)) {
      visit(*exit);
    }
  });
}

}  // namespace kubecliff::restore
