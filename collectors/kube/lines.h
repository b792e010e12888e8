// Lines: a stream cut at its newlines, whatever pieces it comes in.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace kubecliff::kube {

class Lines {
 public:
  // An EndpointSlice has a thousand endpoints at the most, which is less.
  static constexpr std::size_t kMostLine = std::size_t{1} << 20U;

  // Calls `visit` for each line that is whole by now, without its newline; empty ones are left out.
  // False: a line is too long, or `visit` said so; nothing may be fed after that.
  template <typename Visit>
  [[nodiscard]] bool feed(std::string_view piece, Visit visit) {
    while (!piece.empty()) {
      const std::size_t end = piece.find('\n');
      rest_ += piece.substr(0, end);
      if (rest_.size() > kMostLine) {
        return false;
      }
      if (end == std::string_view::npos) {
        return true;
      }
      piece.remove_prefix(end + 1);
      const std::string line = std::exchange(rest_, {});
      if (!line.empty() && !visit(std::string_view{line})) {
        return false;
      }
    }
    return true;
  }

 private:
  std::string rest_;
};

}  // namespace kubecliff::kube
