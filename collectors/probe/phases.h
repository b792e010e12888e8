// What became of one request: how long each phase of it took, and why it failed. Pure functions of
// what libcurl says.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/probe/target.h"

namespace kubecliff::probe {

enum class Phase : std::uint8_t { resolve, connect, tls, first_byte, total };
inline constexpr std::array kPhases{Phase::resolve, Phase::connect, Phase::tls, Phase::first_byte,
                                    Phase::total};

// The value of the label `phase`.
constexpr std::string_view name(Phase phase) {
  constexpr std::array<std::string_view, kPhases.size()> kNames{"resolve", "connect", "tls",
                                                                "first_byte", "total"};
  return kNames[static_cast<std::size_t>(phase)];
}

enum class Reason : std::uint8_t { resolve, connect, tls, timeout, status, body, other };
inline constexpr std::array kReasons{Reason::resolve, Reason::connect, Reason::tls,
                                     Reason::timeout, Reason::status,  Reason::body,
                                     Reason::other};

// The value of the label `reason`.
constexpr std::string_view name(Reason reason) {
  constexpr std::array<std::string_view, kReasons.size()> kNames{
      "resolve", "connect", "tls", "timeout", "status", "body", "other"};
  return kNames[static_cast<std::size_t>(reason)];
}

// Whether a URL of its kind has that phase, or can fail for that reason: an address is not
// resolved, and a TCP connection has no status.
[[nodiscard]] bool has_phase(const Url& url, Phase phase);
[[nodiscard]] bool can_fail(const Url& url, Reason reason);

using Seconds = std::chrono::duration<double>;

// The moments at which the phases ended, since the start, as libcurl counts them; zero for what was
// not come to.
struct Moments {
  std::chrono::microseconds resolved{};
  std::chrono::microseconds connected{};
  std::chrono::microseconds tls_done{};
  std::chrono::microseconds sent{};
  std::chrono::microseconds first_byte{};
  std::chrono::microseconds ended{};
};

struct Failure {
  Reason reason = Reason::other;
  std::string why;
};

struct Outcome {
  // Of the phases that came to their end; the total only where all went well. Where TLS fails,
  // libcurl tells nothing of connecting either.
  std::array<std::optional<Seconds>, kPhases.size()> phases;
  std::optional<Failure> failure;
};

// Each phase alone: connecting without resolving, and so on.
[[nodiscard]] Outcome outcome_of(const Url& url, const Moments& moments,
                                 std::optional<Failure> failure);

}  // namespace kubecliff::probe
