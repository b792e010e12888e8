// Texts of the bundle: objects in JSON, one a line, bounded; and what others wrote, made fit for
// them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <nlohmann/json.hpp>

#include "collectors/kernel/bytes.h"

namespace kubecliff::evidence {

using Json = nlohmann::ordered_json;

// What a user, a program or the kernel named: 256 bytes at the most, control characters as `?`,
// bytes that are no UTF-8 as U+FFFD.
[[nodiscard]] std::string clean(std::string_view text);

// Of 4 or 16 bytes in network order; empty for any other number of them.
[[nodiscard]] std::string address_text(Bytes address);
// "0211223344", or with something between the bytes, "02:11:22:33:44:55".
[[nodiscard]] std::string hex_text(Bytes bytes, std::string_view between = {});

// On one line, without its newline; bytes that are not UTF-8 come out as U+FFFD.
[[nodiscard]] std::string to_line(const Json& json);

// Lines up to a number of bytes, and how many there would have been.
class Lines {
 public:
  explicit Lines(std::size_t most_bytes) : most_bytes_{most_bytes} {}

  void add(const Json& json);
  void add_text(std::string_view line);
  // Room for one more? Where not, count() only.
  [[nodiscard]] bool full() const { return full_; }
  void count() { ++all_; }

  // What was added since is taken back.
  struct Point {
    std::size_t bytes = 0;
    std::size_t all = 0;
    std::size_t kept = 0;
    bool full = false;
  };
  [[nodiscard]] Point here() const {
    return {.bytes = text_.size(), .all = all_, .kept = kept_, .full = full_};
  }
  void back_to(const Point& point);

  [[nodiscard]] std::size_t all() const { return all_; }
  [[nodiscard]] std::size_t kept() const { return kept_; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::size_t most_bytes_;
  std::string text_;
  std::size_t all_ = 0;
  std::size_t kept_ = 0;
  bool full_ = false;
};

// Names for the redaction: the words of what was added, each once, up to a number of them.
class Names {
 public:
  static constexpr std::size_t kMost = 500'000;

  void add(std::string_view phrase);
  // Of a path, or an address on the web, each part by itself.
  void add_parts(std::string_view path);
  // There were more.
  [[nodiscard]] bool overflowed() const { return overflowed_; }
  // In no order: tokens are numbered by it, and a sorted list of names would tell which is whose.
  [[nodiscard]] std::vector<std::string> take();

 private:
  std::unordered_set<std::string> names_;
  bool overflowed_ = false;
};

}  // namespace kubecliff::evidence
