#include "exporter/http/basic_auth.h"

#include <crypt.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "exporter/http/ascii.h"

namespace kubecliff::http {
namespace {

constexpr std::chrono::milliseconds kLongestWait{500};

std::optional<unsigned> base64_digit(char digit) {
  if (digit >= 'A' && digit <= 'Z') {
    return static_cast<unsigned>(digit - 'A');
  }
  if (digit >= 'a' && digit <= 'z') {
    return static_cast<unsigned>(digit - 'a' + 26);
  }
  if (digit >= '0' && digit <= '9') {
    return static_cast<unsigned>(digit - '0' + 52);
  }
  if (digit == '+') {
    return 62;
  }
  if (digit == '/') {
    return 63;
  }
  return std::nullopt;
}

std::optional<std::string> base64_decoded(std::string_view text) {
  if (text.size() % 4 != 0) {
    return std::nullopt;
  }
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  text.remove_suffix(padding);

  std::string decoded;
  decoded.reserve(text.size() / 4 * 3 + 2);
  unsigned bits = 0;
  unsigned count = 0;
  for (const char character : text) {
    const auto digit = base64_digit(character);
    if (!digit) {
      return std::nullopt;
    }
    bits = bits << 6 | *digit;
    count += 6;
    if (count >= 8) {
      count -= 8;
      decoded += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return decoded;
}

// A place in a semaphore, given back at the end of the scope.
template <typename Semaphore>
class Place {
 public:
  explicit Place(Semaphore& semaphore) : semaphore_{semaphore} {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { semaphore_.release(); }

 private:
  Semaphore& semaphore_;
};

bool matches(const std::string& hash, const std::string& password) {
  // 32 KiB, too much for the stack of a server thread.
  const auto data = std::make_unique<crypt_data>();
  const char* computed = crypt_r(password.c_str(), hash.c_str(), data.get());
  const std::string_view text = computed == nullptr ? "" : computed;
  const bool equal =
      text.size() == hash.size() && CRYPTO_memcmp(text.data(), hash.data(), hash.size()) == 0;
  OPENSSL_cleanse(data.get(), sizeof(crypt_data));
  return equal;
}

}  // namespace

std::optional<Credentials> parse_basic_authorization(std::string_view header) {
  constexpr std::string_view kScheme = "basic ";
  header = trimmed(header);
  if (!ascii_iequal(header.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  const auto decoded = base64_decoded(trimmed(header.substr(kScheme.size())));
  // bcrypt takes a C string: a password cut short by a zero byte must not pass for the whole.
  if (!decoded || decoded->find('\0') != std::string::npos) {
    return std::nullopt;
  }
  const std::size_t colon = decoded->find(':');
  if (colon == std::string::npos) {
    return std::nullopt;
  }
  return Credentials{.user = decoded->substr(0, colon), .password = decoded->substr(colon + 1)};
}

std::optional<unsigned> bcrypt_cost(std::string_view hash) {
  constexpr std::size_t kPrefix = 7;  // "$2y$10$"
  constexpr std::size_t kLength = 60;
  constexpr std::string_view kAlphabet =
      "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const auto is_digit = [&](std::size_t at) { return hash[at] >= '0' && hash[at] <= '9'; };
  if (hash.size() != kLength ||
      (!hash.starts_with("$2y$") && !hash.starts_with("$2a$") && !hash.starts_with("$2b$")) ||
      !is_digit(4) || !is_digit(5) || hash[6] != '$' ||
      hash.find_first_not_of(kAlphabet, kPrefix) != std::string_view::npos) {
    return std::nullopt;
  }
  return static_cast<unsigned>((hash[4] - '0') * 10 + (hash[5] - '0'));
}

Verdict Authenticator::check(const Users& users, const Credentials& credentials) {
  if (users.empty()) {
    return Verdict::denied;
  }
  const auto found = users.find(credentials.user);
  const bool known = found != users.end();
  const std::string& hash = known ? found->second : users.begin()->second;

  // No two different triples join to the same text: a hash has one length and user has no colon.
  const std::string joined = credentials.user + ':' + hash + credentials.password;
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(joined.data()), joined.size(), digest.data());
  if (known && is_verified(credentials.user, digest)) {
    return Verdict::granted;
  }

  if (!places_.try_acquire()) {
    return Verdict::busy;
  }
  const Place place{places_};
  if (!hashing_.try_acquire_for(kLongestWait)) {
    return Verdict::busy;
  }
  const Place turn{hashing_};
  if (!matches(hash, credentials.password) || !known) {
    return Verdict::denied;
  }
  remember(users, credentials.user, digest);
  return Verdict::granted;
}

bool Authenticator::is_verified(const std::string& user, const Digest& digest) {
  const std::lock_guard lock{mutex_};
  const auto found = verified_.find(user);
  return found != verified_.end() &&
         CRYPTO_memcmp(found->second.data(), digest.data(), digest.size()) == 0;
}

void Authenticator::remember(const Users& users, const std::string& user, const Digest& digest) {
  const std::lock_guard lock{mutex_};
  std::erase_if(verified_, [&](const auto& entry) { return !users.contains(entry.first); });
  verified_.insert_or_assign(user, digest);
}

}  // namespace kubecliff::http
