#include "collectors/curl/transfers.h"

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <exception>
#include <new>
#include <system_error>
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
  const Library& curl;
  CURLM* multi = nullptr;
  std::string name;  // of the request, for errors
  std::string body;
  OnBody on_body;
  OnEnd on_end;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  std::array<char, CURL_ERROR_SIZE> error{};

  explicit Transfer(const Library& library) : curl{library} {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    if (multi != nullptr) {
      curl.multi_remove_handle(multi, easy);
    }
    curl.easy_cleanup(easy);
    curl.slist_free_all(headers);
  }

  [[nodiscard]] Status status() const {
    Status status = 0;
    curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
  }
};

Result<std::unique_ptr<Transfers>> Transfers::open(Poller& poller) {
  const auto loaded = library();
  if (!loaded) {
    return std::unexpected(loaded.error());
  }
  return std::unique_ptr<Transfers>{new Transfers{poller, **loaded}};
}

Transfers::Transfers(Poller& poller, const Library& curl)
    : curl_{curl},
      poller_{poller},
      timer_{poller, [this] { act(CURL_SOCKET_TIMEOUT, 0); }},
      multi_{curl.multi_init()} {
  if (multi_ == nullptr) {
    throw std::bad_alloc{};
  }
  curl_.multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Transfers::on_socket);
  curl_.multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_.multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Transfers::on_timer);
  curl_.multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

Transfers::~Transfers() {
  transfers_.clear();
  curl_.multi_cleanup(multi_);
}

Transfers::Id Transfers::start(const Request& request, OnBody on_body, OnEnd on_end) {
  auto transfer = std::make_unique<Transfer>(curl_);
  transfer->name = request.method + ' ' + request.url;
  transfer->body = request.body;
  transfer->on_body = std::move(on_body);
  transfer->on_end = std::move(on_end);
  transfer->easy = curl_.easy_init();
  if (transfer->easy == nullptr) {
    throw std::bad_alloc{};
  }
  const auto set = [&](CURLoption option, auto value) {
    curl_.easy_setopt(transfer->easy, option, value);
  };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (!request.body.empty()) {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer->body.size()));
    set(CURLOPT_POSTFIELDS, transfer->body.data());
  }
  for (const std::string& header : request.headers) {
    transfer->headers = curl_.slist_append(transfer->headers, header.c_str());
  }
  set(CURLOPT_HTTPHEADER, transfer->headers);
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
  set(CURLOPT_PRIVATE, reinterpret_cast<void*>(id));  // NOLINT(performance-no-int-to-ptr)
  curl_.multi_add_handle(multi_, transfer->easy);
  transfer->multi = multi_;
  transfers_.emplace(id, std::move(transfer));
  return id;
}

void Transfers::cancel(Id id) {
  transfers_.erase(id);
}

int Transfers::on_socket(CURL* /*easy*/, curl_socket_t socket, int what, void* self,
                         void* /*of_socket*/) {
  auto* transfers = static_cast<Transfers*>(self);
  if (what == CURL_POLL_REMOVE) {
    transfers->poller_.forget(socket);
    return 0;
  }
  const std::uint32_t events = ((what & CURL_POLL_IN) != 0 ? std::uint32_t{EPOLLIN} : 0U) |
                               ((what & CURL_POLL_OUT) != 0 ? std::uint32_t{EPOLLOUT} : 0U);
  try {
    transfers->poller_.watch(socket, events, [transfers, socket](std::uint32_t ready) {
      transfers->act(socket, ((ready & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                                 ((ready & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                                 ((ready & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0));
    });
  } catch (const std::exception&) {
    return -1;  // all transfers end
  }
  return 0;
}

// NOLINTNEXTLINE(google-runtime-int): as libcurl has it
int Transfers::on_timer(CURLM* /*multi*/, long milliseconds, void* self) {
  auto* transfers = static_cast<Transfers*>(self);
  try {
    if (milliseconds < 0) {
      transfers->timer_.stop();
    } else {
      transfers->timer_.set(std::chrono::steady_clock::now() +
                            std::chrono::milliseconds{milliseconds});
    }
  } catch (const std::exception&) {
    return -1;
  }
  return 0;
}

std::size_t Transfers::on_header(char* data, std::size_t /*size*/, std::size_t count,
                                 void* transfer) {
  const bool last = std::string_view{data, count} == "\r\n";
  return last && on_piece(data, 1, 0, transfer) != 0 ? 0 : count;
}

std::size_t Transfers::on_piece(char* data, std::size_t /*size*/, std::size_t count,
                                void* transfer) {
  const auto* const one = static_cast<Transfer*>(transfer);
  try {
    return one->on_body(one->status(), std::string_view{data, count}) ? count : 0;
  } catch (const std::exception&) {
    return 0;
  }
}

Result<Transfers::Status> Transfers::outcome(const Transfer& transfer, CURLcode code) {
  if (code == CURLE_OK) {
    return transfer.status();
  }
  const std::string why =
      transfer.error[0] != '\0' ? transfer.error.data() : transfer.curl.easy_strerror(code);
  return fail(kind_of(code), transfer.name + ": " + why);
}

void Transfers::act(curl_socket_t socket, int events) {
  int running = 0;
  curl_.multi_socket_action(multi_, socket, events, &running);
  int left = 0;
  while (const CURLMsg* const message = curl_.multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) {
      continue;
    }
    const CURLcode code = message->data.result;
    void* of_transfer = nullptr;
    curl_.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &of_transfer);
    auto ended = transfers_.extract(reinterpret_cast<Id>(of_transfer));
    if (!ended.empty()) {
      const std::unique_ptr<Transfer> transfer = std::move(ended.mapped());
      transfer->on_end(outcome(*transfer, code));
    }
  }
}

}  // namespace kubecliff::curl
