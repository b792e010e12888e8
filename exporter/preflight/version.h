// Versions of kernels and of kube-proxy, as far as decisions hang on them. Pure functions.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kubecliff::preflight {

struct Version {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t patch = 0;

  friend auto operator<=>(const Version&, const Version&) = default;
};

// "6.1.0-18-cloud-amd64", "v1.29.4-eks-036c24b", "v1.31.0+k3s1", "5.14": two or three numbers,
// after which comes the end or a sign that begins what a distribution adds. Nothing for any other
// text.
[[nodiscard]] std::optional<Version> parse_version(std::string_view text);

// "5.13": the patch level decides nothing.
[[nodiscard]] std::string to_text(const Version& version);

}  // namespace kubecliff::preflight
