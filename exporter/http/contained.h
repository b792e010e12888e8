// contained: where C code calls ours, nothing may be thrown back at it. Private to exporter/http.
#pragma once

namespace kubecliff::http {

// False where `action` threw: no memory, no thread. What it was about is lost, and the caller goes
// on.
template <typename Action>
bool contained(Action action) noexcept {
  try {
    action();
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace kubecliff::http
