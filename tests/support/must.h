// must(): the value of a Result where the rest makes no sense without it.
#pragma once

#include <stdexcept>
#include <type_traits>
#include <utility>

#include "collectors/core/result.h"

namespace kubecliff::test {

// The value, or its error thrown.
template <typename T>
T must(Result<T> result) {
  if (!result) {
    throw std::runtime_error{result.error().message};
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

}  // namespace kubecliff::test
