// Secret: what only its receiver is to see, a password, a token or a key.
//
// It is read anew for each request, so that its file may be replaced at any time, and is kept
// nowhere. Errors name the file or the variable, never what is in it.
#pragma once

#include <filesystem>
#include <string>

#include "collectors/core/result.h"

namespace kubecliff::delivery {

struct Secret {
  std::filesystem::path file = {};
  std::string variable = {};  // of the environment, where there is no file

  [[nodiscard]] bool given() const { return !file.empty() || !variable.empty(); }
  // Without white space at its end. Malformed where it is empty, or could not stand in a header.
  [[nodiscard]] Result<std::string> read() const;

  friend bool operator==(const Secret&, const Secret&) = default;
};

}  // namespace kubecliff::delivery
