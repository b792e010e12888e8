#include "collectors/probe/http_probe.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace kubecliff::probe {
namespace {

using curl::Library;

Reason reason_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return Reason::resolve;
    case CURLE_COULDNT_CONNECT:
      return Reason::connect;
    case CURLE_OPERATION_TIMEDOUT:
      return Reason::timeout;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return Reason::tls;
    case CURLE_WRITE_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
      return Reason::body;
    default:
      return Reason::other;
  }
}

// libcurl has no tcp://: it is a connection of HTTP that ends when it is there.
std::string url_for_curl(const Url& url) {
  constexpr std::string_view kTcp = "tcp://";
  return url.scheme == Scheme::tcp ? "http://" + url.text.substr(kTcp.size()) : url.text;
}

template <typename Value>
std::optional<Value> info(const Library& library, CURL* easy, CURLINFO what) {
  Value value{};
  return library.easy_getinfo(easy, what, &value) == CURLE_OK ? std::optional{value} : std::nullopt;
}

std::chrono::microseconds moment(const Library& library, CURL* easy, CURLINFO what) {
  return std::chrono::microseconds{info<curl_off_t>(library, easy, what).value_or(0)};
}

}  // namespace

struct HttpProbe::Transfer {
  curl::Multi& multi;
  curl::Easy easy;
  Url url;
  std::int64_t status = 0;
  std::int64_t most_bytes = 0;
  std::int64_t bytes = 0;
  Done done;
  std::array<char, CURL_ERROR_SIZE> words{};

  Transfer(curl::Multi& owner, const Target& target, Path path, Done tell)
      : multi{owner},
        easy{owner.make_easy()},
        url{*target.urls[static_cast<std::size_t>(path)]},
        status{target.status},
        most_bytes{target.most_bytes},
        done{std::move(tell)} {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() { multi.remove(easy.get()); }

  // libcurl calls it with `size` 1.
  static std::size_t on_body(char* /*data*/, std::size_t size, std::size_t count, void* transfer) {
    auto& self = *static_cast<Transfer*>(transfer);
    self.bytes += static_cast<std::int64_t>(size * count);
    return self.bytes > self.most_bytes ? 0 : size * count;
  }
};

Result<std::unique_ptr<HttpProbe>> HttpProbe::open(Poller& poller) {
  auto multi = curl::Multi::open(poller);
  if (!multi) {
    return std::unexpected(multi.error());
  }
  return std::unique_ptr<HttpProbe>{new HttpProbe{std::move(*multi)}};
}

HttpProbe::HttpProbe(std::unique_ptr<curl::Multi> multi) : multi_{std::move(multi)} {}
HttpProbe::~HttpProbe() = default;

Result<void> HttpProbe::start(const Target& target, Path path, Done done) {
  auto transfer = std::make_unique<Transfer>(*multi_, target, path, std::move(done));
  if (!prepare(*transfer, target)) {
    return fail(ErrorKind::internal, "probe " + target.name + ": libcurl refuses an option");
  }
  multi_->add(transfer->easy.get(),
              [this, under_way = transfer.get()](CURLcode code) { finish(under_way, code); });
  transfers_.push_back(std::move(transfer));
  return {};
}

bool HttpProbe::prepare(Transfer& transfer, const Target& target) const {
  bool well = true;
  const auto set = [&](CURLoption option, auto value) {
    well = multi_->library().easy_setopt(transfer.easy.get(), option, value) == CURLE_OK && well;
  };
  const auto set_file = [&](CURLoption option, const std::string& file) {
    if (!file.empty()) {
      set(option, file.c_str());
    }
  };
  set(CURLOPT_URL, url_for_curl(transfer.url).c_str());
  set(CURLOPT_ERRORBUFFER, transfer.words.data());
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_USERAGENT, "kubecliff");
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(target.timeout.count()));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(target.timeout.count()));
  set(CURLOPT_NOSIGNAL, 1L);
  // Otherwise breaking off waits for the resolver.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  // The environment's proxies would be measured in place of the path.
  set(CURLOPT_PROXY, "");
  // Nothing that an earlier request has paid for.
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
  set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
  if (transfer.url.scheme == Scheme::tcp) {
    set(CURLOPT_CONNECT_ONLY, 1L);
  }
  set(CURLOPT_SSL_VERIFYPEER, target.insecure ? 0L : 1L);
  set(CURLOPT_SSL_VERIFYHOST, target.insecure ? 0L : 2L);
  set_file(CURLOPT_CAINFO, target.ca_file);
  set_file(CURLOPT_SSLCERT, target.cert_file);
  set_file(CURLOPT_SSLKEY, target.key_file);
  return well;
}

void HttpProbe::finish(Transfer* transfer, CURLcode code) {
  const auto found = std::ranges::find(transfers_, transfer, &std::unique_ptr<Transfer>::get);
  const std::unique_ptr<Transfer> ended = std::move(*found);
  transfers_.erase(found);
  ended->done(outcome_of(ended->url, moments(ended->easy.get()), failure(*ended, code)));
}

Moments HttpProbe::moments(CURL* easy) const {
  const Library& library = multi_->library();
  return {.resolved = moment(library, easy, CURLINFO_NAMELOOKUP_TIME_T),
          .connected = moment(library, easy, CURLINFO_CONNECT_TIME_T),
          .tls_done = moment(library, easy, CURLINFO_APPCONNECT_TIME_T),
          .sent = moment(library, easy, CURLINFO_PRETRANSFER_TIME_T),
          .first_byte = moment(library, easy, CURLINFO_STARTTRANSFER_TIME_T),
          .ended = moment(library, easy, CURLINFO_TOTAL_TIME_T)};
}

std::optional<Failure> HttpProbe::failure(const Transfer& transfer, CURLcode code) const {
  if (transfer.bytes > transfer.most_bytes) {
    return Failure{
        .reason = Reason::body,
        .why = "the body has more than " + std::to_string(transfer.most_bytes) + " bytes"};
  }
  if (code != CURLE_OK) {
    const std::string words{transfer.words.data()};
    return Failure{.reason = reason_of(code),
                   .why = words.empty() ? multi_->library().easy_strerror(code) : words};
  }
  const auto status =
      info<long>(multi_->library(), transfer.easy.get(), CURLINFO_RESPONSE_CODE).value_or(0);
  if (transfer.url.scheme != Scheme::tcp && status != transfer.status) {
    return Failure{.reason = Reason::status,
                   .why = "status " + std::to_string(status) + ", expected " +
                          std::to_string(transfer.status)};
  }
  return std::nullopt;
}

}  // namespace kubecliff::probe
