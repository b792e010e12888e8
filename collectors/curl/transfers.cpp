#include "collectors/curl/transfers.h"

#include <array>
#include <cstddef>
#include <exception>
#include <utility>

namespace kubecliff::curl {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kConnectWithin = 5s;
// A peer that is gone without a word is noticed after about a minute.
constexpr long kKeepAliveIdle = 30;   // NOLINT(google-runtime-int): as libcurl has it
constexpr long kKeepAliveEvery = 10;  // NOLINT(google-runtime-int)

ErrorKind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return ErrorKind::unavailable;
    case CURLE_OPERATION_TIMEDOUT:
      return ErrorKind::timeout;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return ErrorKind::denied;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
      return ErrorKind::torn;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return ErrorKind::malformed;
    default:
      return ErrorKind::internal;
  }
}

}  // namespace

struct Transfers::Transfer {
  Multi& multi;
  Easy easy;
  std::string name;  // of the request, for errors
  std::string body;
  OnBody on_body;
  OnEnd on_end;
  curl_slist* headers = nullptr;
  std::array<char, CURL_ERROR_SIZE> error{};

  explicit Transfer(Multi& owner) : multi{owner}, easy{owner.make_easy()} {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    multi.remove(easy.get());
    multi.library().slist_free_all(headers);
  }

  [[nodiscard]] Status status() const {
    Status status = 0;
    multi.library().easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    return status;
  }
};

Result<std::unique_ptr<Transfers>> Transfers::open(Poller& poller) {
  auto multi = Multi::open(poller);
  if (!multi) {
    return std::unexpected(multi.error());
  }
  return std::unique_ptr<Transfers>{new Transfers{std::move(*multi)}};
}

Transfers::Transfers(std::unique_ptr<Multi> multi) : multi_{std::move(multi)} {}
Transfers::~Transfers() = default;

Transfers::Id Transfers::start(const Request& request, OnBody on_body, OnEnd on_end) {
  const Library& curl = multi_->library();
  auto transfer = std::make_unique<Transfer>(*multi_);
  transfer->name = request.name.empty() ? request.method + ' ' + request.url : request.name;
  transfer->body = request.body;
  transfer->on_body = std::move(on_body);
  transfer->on_end = std::move(on_end);
  const auto set = [&](CURLoption option, auto value) {
    curl.easy_setopt(transfer->easy.get(), option, value);
  };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  set(CURLOPT_NOBODY, request.method == "HEAD" ? 1L : 0L);
  // A name that no server resolves holds up nobody who does not want to know any more.
  set(CURLOPT_QUICK_EXIT, 1L);
  if (!request.body.empty()) {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer->body.size()));
    set(CURLOPT_POSTFIELDS, transfer->body.data());
  }
  for (const std::string& header : request.headers) {
    transfer->headers = curl.slist_append(transfer->headers, header.c_str());
  }
  set(CURLOPT_HTTPHEADER, transfer->headers);
  if (!request.username.empty()) {
    set(CURLOPT_USERNAME, request.username.c_str());
    set(CURLOPT_PASSWORD, request.password.c_str());
  }
  if (request.longest_idle > 0s) {
    set(CURLOPT_MAXAGE_CONN, static_cast<long>(request.longest_idle.count()));
  }
  set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  if (!request.ca_file.empty()) {
    set(CURLOPT_CAINFO, request.ca_file.c_str());
    // The file is replaced when the cluster's authority changes.
    set(CURLOPT_CA_CACHE_TIMEOUT, 0L);
  }
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(kConnectWithin.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  if (request.silence > 0s) {
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.silence.count()));
  }
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_TCP_KEEPIDLE, kKeepAliveIdle);
  set(CURLOPT_TCP_KEEPINTVL, kKeepAliveEvery);
  set(CURLOPT_ERRORBUFFER, transfer->error.data());
  set(CURLOPT_HEADERFUNCTION, &Transfers::on_header);
  set(CURLOPT_HEADERDATA, transfer.get());
  set(CURLOPT_WRITEFUNCTION, &Transfers::on_piece);
  set(CURLOPT_WRITEDATA, transfer.get());

  const Id id = ++last_id_;
  multi_->add(transfer->easy.get(), [this, id](CURLcode code) {
    const std::unique_ptr<Transfer> ended = std::move(transfers_.extract(id).mapped());
    curl_off_t retry_after = 0;
    multi_->library().easy_getinfo(ended->easy.get(), CURLINFO_RETRY_AFTER, &retry_after);
    ending_ = {.retry_after = std::chrono::seconds{retry_after},
               .kept_connection = multi_->kept_connection()};
    ended->on_end(outcome(*ended, code));
  });
  transfers_.emplace(id, std::move(transfer));
  return id;
}

void Transfers::cancel(Id id) {
  transfers_.erase(id);
}

// libcurl is C: nothing may be thrown through it.
bool Transfers::take_piece(void* transfer, std::string_view piece) {
  const auto& self = *static_cast<Transfer*>(transfer);
  try {
    return self.on_body(self.status(), piece);
  } catch (const std::exception&) {
    return false;
  }
}

std::size_t Transfers::on_header(char* data, std::size_t /*size*/, std::size_t count,
                                 void* transfer) {
  const bool last = std::string_view{data, count} == "\r\n";
  return !last || take_piece(transfer, {}) ? count : 0;
}

std::size_t Transfers::on_piece(char* data, std::size_t /*size*/, std::size_t count,
                                void* transfer) {
  return take_piece(transfer, {data, count}) ? count : 0;
}

Result<Transfers::Status> Transfers::outcome(const Transfer& transfer, CURLcode code) {
  if (code == CURLE_OK) {
    return transfer.status();
  }
  const std::string why = transfer.error[0] != '\0' ? transfer.error.data()
                                                    : transfer.multi.library().easy_strerror(code);
  return fail(kind_of(code), transfer.name + ": " + why);
}

}  // namespace kubecliff::curl
