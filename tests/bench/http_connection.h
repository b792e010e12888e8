// HttpConnection: one keep-alive connection to a server on loopback, as a scraper holds it.
// Blocking calls with a deadline of ten seconds; throws where the server does not answer as it
// should.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/kernel/unique_fd.h"

namespace kubecliff::bench {

// What a scraper sends besides its request line; each line ends in CRLF.
inline constexpr std::string_view kPlain;
inline constexpr std::string_view kAsPrometheus =
    "Accept: application/openmetrics-text;version=1.0.0,"
    "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n"
    "Accept-Encoding: gzip\r\n"
    "User-Agent: Prometheus/2.42.0\r\n";

struct HttpAnswer {
  int status = 0;
  std::string body;  // compressed where that was asked for
};

class HttpConnection {
 public:
  // Nothing where nobody listens.
  [[nodiscard]] static std::optional<HttpConnection> open(std::uint16_t port);

  [[nodiscard]] HttpAnswer get(std::string_view target, std::string_view headers = kPlain);

 private:
  explicit HttpConnection(UniqueFd socket) : socket_{std::move(socket)} {}

  [[nodiscard]] std::string_view read_line();
  void read_bytes(std::size_t count, std::string& into);
  void receive();

  UniqueFd socket_;
  std::string received_;
  std::size_t at_ = 0;  // what is before it has been read
};

// The value of a series in Prometheus' text format, by its name and labels as they are served:
// R"(kubecliff_iptables_services{backend="nft",family="ipv4"})". Nothing where it is not there.
[[nodiscard]] std::optional<double> series_value(std::string_view text, std::string_view series);

}  // namespace kubecliff::bench
