#include "collectors/core/result.h"

#include <cerrno>
#include <system_error>

namespace kubecliff {
namespace {

ErrorKind kind_of(int errno_value) {
  switch (errno_value) {
    case EPERM:
    case EACCES:
      return ErrorKind::denied;
    case ENOENT:
    case ENODEV:
    case ENOPROTOOPT:
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
    case EOPNOTSUPP:
      return ErrorKind::unavailable;
    case ENOBUFS:
      return ErrorKind::overrun;
    case EAGAIN:
    case ETIMEDOUT:
      return ErrorKind::timeout;
    default:
      return ErrorKind::internal;
  }
}

}  // namespace

std::unexpected<Error> fail_errno(int errno_value, std::string_view what) {
  std::string message{what};
  message += ": ";
  message += std::generic_category().message(errno_value);
  return fail(kind_of(errno_value), errno_value, std::move(message));
}

std::unexpected<Error> prefixed(std::string_view prefix, Error error) {
  error.message.insert(0, ": ").insert(0, prefix);
  return std::unexpected(std::move(error));
}

}  // namespace kubecliff
