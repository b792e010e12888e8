#include "collectors/probe/phases.h"

#include <utility>

namespace kubecliff::probe {

bool has_phase(const Url& url, Phase phase) {
  switch (phase) {
    case Phase::resolve:
      return url.host == Host::name;
    case Phase::tls:
      return url.scheme == Scheme::https;
    case Phase::first_byte:
      return url.scheme != Scheme::tcp;
    case Phase::connect:
    case Phase::total:
      break;
  }
  return true;
}

bool can_fail(const Url& url, Reason reason) {
  switch (reason) {
    case Reason::resolve:
      return url.host == Host::name;
    case Reason::tls:
      return url.scheme == Scheme::https;
    case Reason::status:
    case Reason::body:
      return url.scheme != Scheme::tcp;
    case Reason::connect:
    case Reason::timeout:
    case Reason::other:
      break;
  }
  return true;
}

Outcome outcome_of(const Url& url, const Moments& moments, std::optional<Failure> failure) {
  Outcome outcome{.phases = {}, .failure = std::move(failure)};
  const auto took = [&](Phase phase, std::chrono::microseconds from, std::chrono::microseconds to) {
    // What came to no end is zero, or as late as what was before it.
    if (has_phase(url, phase) && to.count() > 0 && to >= from) {
      outcome.phases[static_cast<std::size_t>(phase)] = to - from;
    }
  };
  took(Phase::resolve, {}, moments.resolved);
  took(Phase::connect, moments.resolved, moments.connected);
  took(Phase::tls, moments.connected, moments.tls_done);
  took(Phase::first_byte, moments.sent, moments.first_byte);
  if (!outcome.failure) {
    took(Phase::total, {}, moments.ended);
  }
  return outcome;
}

}  // namespace kubecliff::probe
