#include "collectors/kubeproxy/http_response.h"

#include <algorithm>
#include <optional>

#include "collectors/kernel/procfs.h"

namespace kubecliff::kubeproxy {
namespace {

// Of the status line and the headers together, and of what stands between two chunks.
constexpr std::size_t kMostHead = std::size_t{64} << 10U;

std::unexpected<Error> malformed(const std::string& what) {
  return fail(ErrorKind::malformed, "no HTTP/1 response: " + what);
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
  };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

}  // namespace

Result<void> ResponseDecoder::feed(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::complete) {
    if (Result<void> stepped = step(bytes); !stepped) {
      return stepped;
    }
  }
  return {};
}

Result<void> ResponseDecoder::end() const {
  if (state_ == State::complete || state_ == State::until_end) {
    return {};
  }
  return fail(ErrorKind::torn, state_ == State::head && !status_seen_ && line_.empty()
                                   ? "connection ended without an answer"
                                   : "connection ended in the middle of the answer");
}

Result<void> ResponseDecoder::step(std::string_view& bytes) {
  if (state_ == State::until_end || state_ == State::counted || state_ == State::chunk) {
    return take_body(bytes);
  }
  const Result<bool> line = take_line(bytes);
  if (!line || !*line) {
    return line ? Result<void>{} : std::unexpected(line.error());
  }
  Result<void> taken;
  switch (state_) {
    case State::head:
      taken = take_head_line();
      break;
    case State::chunk_size:
      taken = take_chunk_size();
      break;
    case State::chunk_end:
      taken = line_.empty() ? taken : malformed("a chunk longer than it says");
      state_ = State::chunk_size;
      break;
    default:  // trailer
      state_ = line_.empty() ? State::complete : State::trailer;
  }
  line_.clear();
  return taken;
}

Result<bool> ResponseDecoder::take_line(std::string_view& bytes) {
  const std::size_t end = bytes.find('\n');
  const std::size_t size = std::min(end, bytes.size());
  head_bytes_ += size + (end == std::string_view::npos ? 0 : 1);
  if (head_bytes_ > kMostHead) {
    return malformed("its head has no end");
  }
  line_ += bytes.substr(0, size);
  bytes.remove_prefix(std::min(size + 1, bytes.size()));
  if (end == std::string_view::npos) {
    return false;
  }
  if (line_.ends_with('\r')) {
    line_.pop_back();
  }
  return true;
}

Result<void> ResponseDecoder::take_head_line() {
  const std::string_view line{line_};
  if (!status_seen_) {
    constexpr std::size_t kCode = 9;  // after "HTTP/1.1 "
    if (!line.starts_with("HTTP/1.") || line.size() < kCode + 3) {
      return malformed("it does not begin with HTTP/1");
    }
    if (line.substr(kCode, 3) != "200") {
      return fail(ErrorKind::unavailable, "answered " + std::string{line.substr(kCode, 3)});
    }
    status_seen_ = true;
    return {};
  }
  if (line.empty()) {
    state_ = framing_ == State::counted && piece_left_ == 0 ? State::complete : framing_;
    return {};
  }

  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return malformed("a header without a colon");
  }
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (same_name(name, "Transfer-Encoding")) {
    if (!same_name(value, "chunked")) {
      return malformed("a transfer encoding other than chunked");
    }
    framing_ = State::chunk_size;
  } else if (same_name(name, "Content-Length") && framing_ != State::chunk_size) {
    const auto length = parse_number<std::uint64_t>(value);
    if (!length) {
      return malformed("a length that is no number");
    }
    framing_ = State::counted;
    piece_left_ = *length;
  } else if (same_name(name, "Content-Encoding") && !same_name(value, "identity")) {
    return malformed("compressed, which was not asked for");
  }
  return {};
}

Result<void> ResponseDecoder::take_chunk_size() {
  const std::string_view digits = trimmed(std::string_view{line_}.substr(0, line_.find(';')));
  const auto size = parse_number<std::uint64_t>(digits, 16);
  if (!size) {
    return malformed("a chunk without a size");
  }
  piece_left_ = *size;
  state_ = *size == 0 ? State::trailer : State::chunk;
  head_bytes_ = 0;  // the body is counted by itself
  return {};
}

Result<void> ResponseDecoder::take_body(std::string_view& bytes) {
  const bool until_end = state_ == State::until_end;
  const std::string_view piece = bytes.substr(
      0, until_end ? bytes.size() : std::min<std::uint64_t>(bytes.size(), piece_left_));
  if (piece.size() > body_left_) {
    return fail(ErrorKind::malformed, "the answer is longer than anything kube-proxy serves");
  }
  bytes.remove_prefix(piece.size());
  body_left_ -= piece.size();
  if (!until_end) {
    piece_left_ -= piece.size();
    if (piece_left_ == 0) {
      state_ = state_ == State::counted ? State::complete : State::chunk_end;
    }
  }
  return sink_(piece);
}

}  // namespace kubecliff::kubeproxy
