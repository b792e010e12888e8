#include "collectors/propagation/move.h"

#define XXH_INLINE_ALL  // one header instead of a library
#include <xxhash.h>

#include <optional>

#include "collectors/kernel/procfs.h"

namespace kubecliff::propagation {
namespace {

constexpr std::string_view kGeneration = "kubecliff.io/generation";
constexpr std::string_view kWritten = "kubecliff.io/written-unix-nanoseconds";
constexpr std::string_view kService = "kubecliff.io/service";
constexpr std::string_view kTurn = "kubecliff.io/turn";

std::string_view find(const kube::Annotations& annotations, std::string_view name) {
  const auto found = annotations.find(name);
  return found == annotations.end() ? std::string_view{} : std::string_view{found->second};
}

std::unexpected<Error> wrong(std::string_view name, std::string_view value) {
  return fail(ErrorKind::malformed, "the canary's EndpointSlice has \"" +
                                        std::string{value.substr(0, 100)} + "\" for " +
                                        std::string{name});
}

std::optional<Turn> parse_turn(std::string_view text) {
  const std::size_t plus = text.find('+');
  if (plus == std::string_view::npos) {
    return std::nullopt;
  }
  const auto from = parse_number<std::uint32_t>(text.substr(0, plus));
  const auto size = parse_number<std::uint32_t>(text.substr(plus + 1));
  return from && size ? std::optional{Turn{.from = *from, .size = *size}} : std::nullopt;
}

}  // namespace

std::uint32_t turn_hash(const std::string& node) {
  return static_cast<std::uint32_t>(XXH3_64bits(node.data(), node.size()));
}

std::string slice_name(std::string_view service, AddressFamily family) {
  return std::string{service} + "-" + std::string{name(family)};
}

kube::Annotations encode(const Move& move) {
  return {
      {std::string{kGeneration}, std::to_string(move.generation)},
      {std::string{kWritten}, std::to_string(move.written.count())},
      {std::string{kService}, move.service},
      {std::string{kTurn}, std::to_string(move.turn.from) + "+" + std::to_string(move.turn.size)}};
}

Result<Move> decode_move(const kube::Annotations& annotations) {
  const auto generation = parse_number<std::uint64_t>(find(annotations, kGeneration));
  if (!generation || *generation == 0) {
    return wrong(kGeneration, find(annotations, kGeneration));
  }
  const auto written = parse_number<std::chrono::nanoseconds::rep>(find(annotations, kWritten));
  if (!written || *written < 0) {
    return wrong(kWritten, find(annotations, kWritten));
  }
  const std::string_view service = find(annotations, kService);
  if (!parse_socket_address(service)) {
    return wrong(kService, service);
  }
  const auto turn = parse_turn(find(annotations, kTurn));
  if (!turn) {
    return wrong(kTurn, find(annotations, kTurn));
  }
  return Move{.generation = *generation,
              .written = std::chrono::nanoseconds{*written},
              .service = std::string{service},
              .turn = *turn};
}

std::string encode_answer(std::uint64_t generation) {
  return std::to_string(generation) + "\n";
}

Result<std::uint64_t> decode_answer(std::string_view line) {
  const auto generation = parse_number<std::uint64_t>(line);
  if (!line.ends_with('\n') || !generation) {
    return fail(ErrorKind::malformed, "what answers at the canary's Service is not the canary");
  }
  return *generation;
}

}  // namespace kubecliff::propagation
