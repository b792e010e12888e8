#include "exporter/http/listen_address.h"

#include <charconv>
#include <cstddef>
#include <system_error>

namespace kubecliff::http {

using namespace std::string_view_literals;

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto malformed = [&](std::string_view why) {
    return fail(ErrorKind::malformed,
                "listen address \"" + std::string{text} + "\": " + std::string{why});
  };

  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return malformed("expected [HOST]:PORT, as in :9909 or 127.0.0.1:9909");
  }

  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) {
      return malformed("expected an IPv6 address between the brackets");
    }
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return malformed("expected brackets around an IPv6 address, as in [::1]:9909");
  }
  if (host.find_first_of(" \t,\0"sv) != std::string_view::npos) {
    return malformed("expected one address; give the option again for another");
  }

  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return malformed("expected a port from 0 to 65535 after the last colon");
  }
  return ListenAddress{.host = std::string{host}, .port = port};
}

}  // namespace kubecliff::http
