// A netlink conversation with the kernel: one question, its answers, and every way in which the
// answers can be wrong.
//
// Transport is the seam to the kernel: libnl-3 underneath in the product, a script of captured
// replies in tests. Neither class is thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "collectors/core/result.h"
#include "collectors/kernel/bytes.h"
#include "collectors/kernel/netlink_message.h"

namespace kubecliff::netlink {

struct Datagram {
  Bytes bytes;                    // valid until the next receive()
  std::uint32_t sender_port = 0;  // 0 is the kernel
};

class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  [[nodiscard]] virtual Result<void> send(Bytes request) = 0;
  // Errors: timeout (nothing came), overrun (the kernel dropped something: ENOBUFS), malformed (a
  // datagram larger than the buffer).
  [[nodiscard]] virtual Result<Datagram> receive() = 0;
};

using TransportFactory = std::function<Result<std::unique_ptr<Transport>>()>;

// Opens sockets of the given netlink protocol (NETLINK_NETFILTER, …) that wait at most `deadline`
// for an answer. Opening one may load a kernel module: callers look first whether it is there.
[[nodiscard]] TransportFactory kernel_transport(
    int protocol, std::chrono::milliseconds deadline = std::chrono::seconds{5});

class Socket {
 public:
  // Opened by the first question, and again after an error that leaves answers behind.
  explicit Socket(TransportFactory open) : open_{std::move(open)} {}

  // Asks, and hands every answer to `visit(const Message&) -> Result<void>`, up to the end of the
  // dump or, for a question that is no dump, one answer or acknowledgement. Answers to older
  // questions and datagrams that the kernel did not send are skipped. Errors: what the kernel
  // answered (denied, unavailable, …; prefixed by the caller), torn where the dump was interrupted
  // by a change (NLM_F_DUMP_INTR), overrun, timeout, malformed, or the visitor's own.
  template <typename Visit>
  [[nodiscard]] Result<void> ask(Request& request, Visit&& visit);

 private:
  struct Turn {
    std::uint32_t sequence = 0;
    bool dump = false;
    bool finished = false;
    bool torn = false;
  };

  enum class Kind : std::uint8_t { answer, control, stale };

  [[nodiscard]] Result<Turn> begin(Request& request);
  [[nodiscard]] Result<Datagram> receive();
  // What kind of message this is; NLMSG_ERROR and NLMSG_DONE are dealt with here.
  [[nodiscard]] static Result<Kind> classify(const Message& message, Turn& turn);
  std::unexpected<Error> abandon(Error error);

  TransportFactory open_;
  std::unique_ptr<Transport> transport_;
  std::uint32_t sequence_ = 0;
};

// What dump() gives; where changes keep interrupting it, it is called three times at most.
template <typename Dump>
[[nodiscard]] auto until_whole(Dump dump) {
  auto result = dump();
  for (int again = 0; again < 2 && !result && result.error().kind == ErrorKind::torn; ++again) {
    result = dump();
  }
  return result;
}

template <typename Visit>
Result<void> Socket::ask(Request& request, Visit&& visit) {
  Result<Turn> turn = begin(request);
  if (!turn) {
    return abandon(std::move(turn.error()));
  }

  while (!turn->finished) {
    const Result<Datagram> datagram = receive();
    if (!datagram) {
      return abandon(datagram.error());
    }
    Messages messages{datagram->bytes};
    for (Message message; !turn->finished && messages.next(message);) {
      const Result<Kind> kind = classify(message, *turn);
      if (!kind) {
        // The kernel's own refusal ends the conversation cleanly, and the socket can go on. With a
        // dump still running on it, the next question would be refused with EBUSY.
        return turn->finished ? std::unexpected(kind.error()) : abandon(kind.error());
      }
      if (*kind == Kind::answer) {
        if (Result<void> visited = visit(std::as_const(message)); !visited) {
          return abandon(std::move(visited.error()));
        }
      }
    }
    if (messages.malformed()) {
      return abandon({ErrorKind::malformed, 0, "netlink message longer than its datagram"});
    }
  }
  if (turn->torn) {
    return fail(ErrorKind::torn, "netlink dump interrupted by a change");
  }
  return {};
}

}  // namespace kubecliff::netlink
