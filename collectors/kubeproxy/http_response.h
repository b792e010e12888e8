// ResponseDecoder: the body of one HTTP/1.x response, out of bytes as they come.
//
// Whether the body came whole is known: by its chunks, by its length, or, where the server gave
// neither, by the end of the connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "collectors/core/result.h"

namespace kubecliff::kubeproxy {

// Takes a piece of the body; an error ends the reading.
using BodySink = std::function<Result<void>(std::string_view piece)>;

class ResponseDecoder {
 public:
  // A body of more than `most_body` bytes is malformed.
  ResponseDecoder(std::size_t most_body, BodySink sink)
      : body_left_{most_body}, sink_{std::move(sink)} {}

  // Errors: unavailable (a status other than 200), malformed, or the sink's own. Nothing may be fed
  // after an error.
  [[nodiscard]] Result<void> feed(std::string_view bytes);
  // The connection ended. torn: too early.
  [[nodiscard]] Result<void> end() const;
  [[nodiscard]] bool complete() const { return state_ == State::complete; }

 private:
  enum class State : std::uint8_t {
    head,
    until_end,
    counted,
    chunk_size,
    chunk,
    chunk_end,
    trailer,
    complete,
  };

  // Consume from the front of `bytes`; a line is kept in `line_` until it is whole.
  [[nodiscard]] Result<bool> take_line(std::string_view& bytes);
  [[nodiscard]] Result<void> take_head_line();
  [[nodiscard]] Result<void> take_chunk_size();
  [[nodiscard]] Result<void> take_body(std::string_view& bytes);
  [[nodiscard]] Result<void> step(std::string_view& bytes);

  State state_ = State::head;
  State framing_ = State::until_end;  // how the body is told from what follows it
  bool status_seen_ = false;
  std::string line_;
  std::size_t head_bytes_ = 0;
  std::uint64_t piece_left_ = 0;  // of the chunk, or of a body of known length
  std::size_t body_left_;         // that may still come
  BodySink sink_;
};

}  // namespace kubecliff::kubeproxy
