// Result<T>: what every call that can fail at run time returns.
//
// The lowest layer builds the Error, with the path or the request in its message; at most one layer
// above adds a prefix. Only the runner logs, and only when a collector's state changes.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace kubecliff {

enum class ErrorKind : std::uint8_t {
  unavailable,  // the kernel, or this node, does not have it
  denied,       // it is there, and we lack the privilege
  malformed,    // bytes that do not decode: never served, never trusted
  torn,         // the state changed while it was being read
  overrun,      // the kernel dropped messages (ENOBUFS)
  timeout,      // no answer before the deadline
  internal,     // everything else, a bug included
};
inline constexpr std::array kErrorKinds{
    ErrorKind::unavailable, ErrorKind::denied,  ErrorKind::malformed, ErrorKind::torn,
    ErrorKind::overrun,     ErrorKind::timeout, ErrorKind::internal};

// The value of the label `reason` in kubecliff_collector_failing.
constexpr std::string_view name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::unavailable:
      return "unavailable";
    case ErrorKind::denied:
      return "denied";
    case ErrorKind::malformed:
      return "malformed";
    case ErrorKind::torn:
      return "torn";
    case ErrorKind::overrun:
      return "overrun";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::internal:
      break;
  }
  return "internal";
}

struct Error {
  ErrorKind kind = ErrorKind::internal;
  int errno_value = 0;  // 0 where no system call is to blame
  std::string message;  // what happened, to what, and what to do about it

  friend bool operator==(const Error&, const Error&) = default;
};

template <typename T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, int errno_value,
                                                 std::string message) {
  return std::unexpected(Error{kind, errno_value, std::move(message)});
}

[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return fail(kind, 0, std::move(message));
}

// A failed system call: the kind follows from errno, and the message ends with errno's own words.
[[nodiscard]] std::unexpected<Error> fail_errno(int errno_value, std::string_view what);

// The same error, its message led by `prefix`.
[[nodiscard]] std::unexpected<Error> prefixed(std::string_view prefix, Error error);

}  // namespace kubecliff
