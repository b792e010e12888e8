#include "collectors/kernel/netlink_socket.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

namespace kubecliff::netlink {
namespace {

// The kernel fills dump datagrams up to 32 KiB where the reader's buffer has room for them.
constexpr std::size_t kBufferSize = std::size_t{32} * 1024;

// MAX_ERRNO in include/linux/err.h.
constexpr std::int32_t kMostErrno = 4095;

struct FreeSocket {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
struct FreeBuffer {
  void operator()(unsigned char* buffer) const { std::free(buffer); }
};

// libnl has its own error numbers; these are the ones that mean something to us.
std::unexpected<Error> fail_libnl(int error, std::string_view what) {
  std::string message{what};
  message += ": ";
  message += nl_geterror(error);
  switch (-error) {
    case NLE_AGAIN:
      return fail(ErrorKind::timeout, ETIMEDOUT, std::move(message));
    case NLE_NOMEM:  // what libnl makes of ENOBUFS
      return fail(ErrorKind::overrun, ENOBUFS, std::move(message));
    case NLE_MSG_TRUNC:
      return fail(ErrorKind::malformed, std::move(message));
    case NLE_PERM:
    case NLE_NOACCESS:
      return fail(ErrorKind::denied, EPERM, std::move(message));
    case NLE_PROTO_MISMATCH:
    case NLE_AF_NOSUPPORT:
    case NLE_OPNOTSUPP:
      return fail(ErrorKind::unavailable, EPROTONOSUPPORT, std::move(message));
    default:
      return fail(ErrorKind::internal, std::move(message));
  }
}

class KernelTransport final : public Transport {
 public:
  static Result<std::unique_ptr<Transport>> open(int protocol, std::chrono::milliseconds deadline) {
    std::unique_ptr<nl_sock, FreeSocket> socket{nl_socket_alloc()};
    if (!socket) {
      return fail(ErrorKind::internal, ENOMEM, "netlink socket: out of memory");
    }
    nl_socket_disable_auto_ack(socket.get());
    if (const int error = nl_connect(socket.get(), protocol); error < 0) {
      return fail_libnl(error, "open netlink socket");
    }
    nl_socket_set_msg_buf_size(socket.get(), kBufferSize);

    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(deadline);
    const timeval timeout{
        .tv_sec = seconds.count(),
        .tv_usec = std::chrono::microseconds{deadline - seconds}.count(),
    };
    if (::setsockopt(nl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVTIMEO, &timeout,
                     sizeof(timeout)) < 0) {
      return fail_errno(errno, "set netlink receive deadline");
    }
    return std::make_unique<KernelTransport>(std::move(socket));
  }

  explicit KernelTransport(std::unique_ptr<nl_sock, FreeSocket> socket)
      : socket_{std::move(socket)} {}

  Result<void> send(Bytes request) override {
    // libnl takes the buffer as writable and does not write to it.
    void* data = const_cast<std::byte*>(request.data());
    if (const int error = nl_sendto(socket_.get(), data, request.size()); error < 0) {
      return fail_libnl(error, "send netlink request");
    }
    return {};
  }

  Result<Datagram> receive() override {
    sockaddr_nl sender{};
    unsigned char* data = nullptr;
    // libnl retries EINTR itself.
    const int size = nl_recv(socket_.get(), &sender, &data, nullptr);
    if (size < 0) {
      return fail_libnl(size, "receive netlink answer");
    }
    if (size == 0) {
      return fail(ErrorKind::timeout, "receive netlink answer: nothing there");
    }
    buffer_.reset(data);
    return Datagram{std::as_bytes(std::span{data, static_cast<std::size_t>(size)}), sender.nl_pid};
  }

 private:
  std::unique_ptr<nl_sock, FreeSocket> socket_;
  std::unique_ptr<unsigned char, FreeBuffer> buffer_;
};

}  // namespace

TransportFactory kernel_transport(int protocol, std::chrono::milliseconds deadline) {
  return [=] { return KernelTransport::open(protocol, deadline); };
}

Result<Socket::Turn> Socket::begin(Request& request) {
  if (!transport_) {
    Result<std::unique_ptr<Transport>> opened = open_();
    if (!opened) {
      return std::unexpected(std::move(opened.error()));
    }
    transport_ = std::move(*opened);
  }
  const Turn turn{.sequence = ++sequence_, .dump = (request.flags() & NLM_F_DUMP) == NLM_F_DUMP};
  if (Result<void> sent = transport_->send(request.finish(turn.sequence)); !sent) {
    return std::unexpected(std::move(sent.error()));
  }
  return turn;
}

Result<Datagram> Socket::receive() {
  while (true) {
    Result<Datagram> datagram = transport_->receive();
    if (!datagram || datagram->sender_port == 0) {
      return datagram;
    }
    // Any process may send to our port; only the kernel is listened to.
  }
}

Result<Socket::Kind> Socket::classify(const Message& message, Turn& turn) {
  const nlmsghdr& header = message.header;
  if (header.nlmsg_seq != turn.sequence) {
    return Kind::stale;
  }
  turn.torn |= (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;

  switch (header.nlmsg_type) {
    case NLMSG_ERROR:
    case NLMSG_DONE: {
      // A dump's NLMSG_DONE carries a status; kernels before 2.6 sent none.
      const auto status = read_as<std::int32_t>(message.payload);
      if (!status && header.nlmsg_type == NLMSG_ERROR) {
        return fail(ErrorKind::malformed, "netlink error message without an error");
      }
      turn.finished = true;
      if (const std::int32_t code = status.value_or(0); code < 0) {
        return fail_errno(-std::max(code, -kMostErrno), code == -EPERM
                                                            ? "kernel refused (needs CAP_NET_ADMIN)"
                                                            : "kernel refused");
      }
      return Kind::control;
    }
    case NLMSG_NOOP:
      return Kind::control;
    case NLMSG_OVERRUN:
      return fail(ErrorKind::overrun, "netlink overrun");
    default:
      turn.finished = !turn.dump;
      return Kind::answer;
  }
}

std::unexpected<Error> Socket::abandon(Error error) {
  transport_.reset();
  return std::unexpected(std::move(error));
}

}  // namespace kubecliff::netlink
