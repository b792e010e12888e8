// Basic authentication against bcrypt hashes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>

#include "exporter/http/web_config.h"

namespace kubecliff::http {

struct Credentials {
  std::string user;
  std::string password;

  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// Pure: the value of an Authorization header. Nothing unless it is `Basic` and strict base64.
[[nodiscard]] std::optional<Credentials> parse_basic_authorization(std::string_view header);

// "$2y$10$…", also $2a$ and $2b$: the cost, or nothing where it is no bcrypt hash.
[[nodiscard]] std::optional<unsigned> bcrypt_cost(std::string_view hash);

enum class Verdict : std::uint8_t {
  granted,
  denied,
  busy,  // too many passwords are being checked; nothing was found out about this one
};

// Checks passwords. Thread-safe.
//
// A user's password is hashed once; after that a digest of what was right is compared, so a scraper
// pays bcrypt at its first scrape only. Hashing happens one at a time and a few requests at most
// wait for it, half a second at most: whoever tries passwords takes one core and no more than five
// threads, and the requests of users already known wait for nobody. An unknown user costs a hash
// too, so that the time taken does not tell which users exist.
class Authenticator {
 public:
  [[nodiscard]] Verdict check(const Users& users, const Credentials& credentials);

 private:
  using Digest = std::array<unsigned char, 32>;

  [[nodiscard]] bool is_verified(const std::string& user, const Digest& digest);
  void remember(const Users& users, const std::string& user, const Digest& digest);

  std::mutex mutex_;
  std::map<std::string, Digest, std::less<>> verified_;  // a user each, never more than there are
  std::counting_semaphore<> places_{5};                  // the one hashing and those waiting
  std::binary_semaphore hashing_{1};
};

}  // namespace kubecliff::http
