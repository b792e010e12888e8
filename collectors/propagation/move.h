// Move: what the canary says of one move of its endpoint, in the EndpointSlice's annotations.
//
// The canary writes it, the nodes read it; neither trusts the other.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "collectors/core/result.h"
#include "collectors/kernel/socket_address.h"
#include "collectors/kube/endpoint_slice.h"

namespace kubecliff::propagation {

// Whose turn it is to measure: those nodes whose names' hash is one of `size` values from `from`
// on, round the end of the range. Turn after turn begins where the last one ended, so every node
// has one.
struct Turn {
  static constexpr std::uint32_t kAll = UINT32_MAX;

  std::uint32_t from = 0;
  std::uint32_t size = kAll;

  [[nodiscard]] bool has(std::uint32_t hash) const { return size == kAll || hash - from < size; }

  friend bool operator==(const Turn&, const Turn&) = default;
};

// Of a node's name.
[[nodiscard]] std::uint32_t turn_hash(const std::string& node);

struct Move {
  std::uint64_t generation = 0;        // one more with every move
  std::chrono::nanoseconds written{};  // since 1970, by the canary's clock
  std::string service = {};            // the address and port that lead to the endpoint
  Turn turn = {};
};

// Of the EndpointSlice of the family's endpoint.
[[nodiscard]] std::string slice_name(std::string_view service, AddressFamily family);

// Its own annotations and no others.
[[nodiscard]] kube::Annotations encode(const Move& move);
// Errors: malformed, where one is missing or is not what encode() writes.
[[nodiscard]] Result<Move> decode_move(const kube::Annotations& annotations);

// What the responder at the endpoint's end says to whoever connects: the generation of the move
// that last led to the port at which it was reached, 0 for none, and a newline.
inline constexpr std::size_t kMostAnswer = 32;
[[nodiscard]] std::string encode_answer(std::uint64_t generation);
[[nodiscard]] Result<std::uint64_t> decode_answer(std::string_view line);

}  // namespace kubecliff::propagation
