// Request and Response: what a handler is given and what it gives back. No server in sight, so that
// handlers are tested as plain functions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"

namespace kubecliff::http {

struct Header {
  std::string name;
  std::string value;

  friend bool operator==(const Header&, const Header&) = default;
};

struct QueryParameter {
  std::string key;
  std::string value;

  friend bool operator==(const QueryParameter&, const QueryParameter&) = default;
};

// Whether it is known who asks: over the loopback device and by no name of a domain, as the node's
// own people and proxies that have asked who it is (kubectl port-forward, kube-rbac-proxy) do; or
// signed in, by password or by a certificate that was verified.
enum class Asker : std::uint8_t { anybody, known };

struct Request {
  std::string method = {};                 // "GET", "HEAD"
  std::string path = {};                   // percent-decoded, without the query
  std::vector<QueryParameter> query = {};  // decoded, in the order sent; a key may occur again
  std::vector<Header> headers = {};        // as sent
  Asker asker = Asker::anybody;

  // The value of the first header of that name, whatever the letters' case; empty where there is
  // none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  // Every value of that key, in the order sent.
  [[nodiscard]] std::vector<std::string_view> parameters(std::string_view key) const;
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  std::vector<Header> headers = {};  // beside Content-Type, Content-Length and the like

  friend bool operator==(const Response&, const Response&) = default;
};

// A response of that status whose body is the status's own words.
[[nodiscard]] Response plain_response(int status);

// "Not Found" for 404; "Unknown" for a status that HTTP does not name.
[[nodiscard]] std::string_view reason_phrase(int status);

// Answers GET; for HEAD the server drops the body. Called from several threads at once, each with a
// stack of 100 KiB. What it throws becomes a 500.
using Handler = std::function<Response(const Request&)>;

// `%41` to `A`; nothing for a `%` that two hexadecimal digits do not follow, and for `%00`.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text);

// The parameters of a query, without its `?`; here a `+` is a space. Malformed: a broken escape.
[[nodiscard]] Result<std::vector<QueryParameter>> parse_query(std::string_view query);

}  // namespace kubecliff::http
