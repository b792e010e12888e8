// Untrusted bytes: the only ways in which kubecliff takes a value out of them.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace kubecliff {

using Bytes = std::span<const std::byte>;

// The object of type T that lies at `offset`; nothing where the bytes end before it does.
template <typename T>
  requires std::is_trivially_copyable_v<T>
[[nodiscard]] std::optional<T> read_as(Bytes bytes, std::size_t offset = 0) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
    return std::nullopt;
  }
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// The same for a number in network byte order.
template <std::unsigned_integral T>
[[nodiscard]] std::optional<T> read_be(Bytes bytes, std::size_t offset = 0) {
  std::optional<T> value = read_as<T>(bytes, offset);
  if constexpr (std::endian::native == std::endian::little) {
    if (value) {
      value = std::byteswap(*value);
    }
  }
  return value;
}

// The value as it lies in memory, for as long as it lies there.
template <typename T>
  requires std::is_trivially_copyable_v<T>
[[nodiscard]] Bytes bytes_of(const T& value) {
  return std::as_bytes(std::span{&value, 1});
}

// The characters up to the first NUL, or all of them.
[[nodiscard]] inline std::string_view text_of(Bytes bytes) {
  const std::string_view all{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  return all.substr(0, all.find('\0'));
}

}  // namespace kubecliff
