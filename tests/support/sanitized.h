// Whether this is built with AddressSanitizer or ThreadSanitizer, which make system calls of their
// own.
#pragma once

namespace kubecliff::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace kubecliff::test
