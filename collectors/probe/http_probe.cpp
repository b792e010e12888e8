#include "collectors/probe/http_probe.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "collectors/curl/library.h"

namespace kubecliff::probe {
namespace {

using curl::Library;

struct EasyDeleter {
  const Library* library;
  void operator()(CURL* handle) const { library->easy_cleanup(handle); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;

struct MultiDeleter {
  const Library* library;
  void operator()(CURLM* handle) const { std::ignore = library->multi_cleanup(handle); }
};
using MultiHandle = std::unique_ptr<CURLM, MultiDeleter>;

struct Transfer {
  Easy easy;
  Url url;
  std::int64_t status = 0;
  std::int64_t most_bytes = 0;
  std::int64_t bytes = 0;
  HttpProbe::Done done;
  std::array<char, CURL_ERROR_SIZE> words{};
};

// libcurl calls it with `size` 1.
std::size_t on_body(char* /*data*/, std::size_t size, std::size_t count, void* transfer) {
  auto& self = *static_cast<Transfer*>(transfer);
  self.bytes += static_cast<std::int64_t>(size * count);
  return self.bytes > self.most_bytes ? 0 : size * count;
}

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

class HttpProbe::Multi {
 public:
  Multi(const Library& library, Poller& poller, MultiHandle handle)
      : library_{library},
        poller_{poller},
        timer_{poller, [this] { act(CURL_SOCKET_TIMEOUT, 0); }},
        handle_{std::move(handle)} {
    set(CURLMOPT_SOCKETFUNCTION, &on_socket);
    set(CURLMOPT_SOCKETDATA, this);
    set(CURLMOPT_TIMERFUNCTION, &on_timer);
    set(CURLMOPT_TIMERDATA, this);
  }
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;
  ~Multi() {
    for (const auto& transfer : transfers_) {
      library_.multi_remove_handle(handle_.get(), transfer->easy.get());
    }
  }

  Result<void> start(const Target& target, Path path, Done done) {
    auto transfer = std::make_unique<Transfer>(
        Transfer{.easy = Easy{library_.easy_init(), EasyDeleter{&library_}},
                 .url = *target.urls[static_cast<std::size_t>(path)],
                 .status = target.status,
                 .most_bytes = target.most_bytes,
                 .done = std::move(done)});
    if (transfer->easy == nullptr || !prepare(*transfer, target)) {
      return fail(ErrorKind::internal, "probe " + target.name + ": libcurl refuses an option");
    }
    const CURLMcode added = library_.multi_add_handle(handle_.get(), transfer->easy.get());
    if (added != CURLM_OK) {
      return fail(ErrorKind::internal, "probe " + target.name + ": libcurl takes no more");
    }
    transfers_.push_back(std::move(transfer));
    return {};
  }

 private:
  template <typename Value>
  void set(CURLMoption option, Value value) {
    std::ignore = library_.multi_setopt(handle_.get(), option, value);
  }

  [[nodiscard]] bool prepare(Transfer& transfer, const Target& target) const {
    bool well = true;
    const auto set = [&](CURLoption option, auto value) {
      well = library_.easy_setopt(transfer.easy.get(), option, value) == CURLE_OK && well;
    };
    const auto set_file = [&](CURLoption option, const std::string& file) {
      if (!file.empty()) {
        set(option, file.c_str());
      }
    };
    set(CURLOPT_URL, url_for_curl(transfer.url).c_str());
    set(CURLOPT_ERRORBUFFER, transfer.words.data());
    set(CURLOPT_WRITEFUNCTION, &on_body);
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

  void act(curl_socket_t socket, int events) {
    int running = 0;
    std::ignore = library_.multi_socket_action(handle_.get(), socket, events, &running);
    int left = 0;
    while (const CURLMsg* const message = library_.multi_info_read(handle_.get(), &left)) {
      if (message->msg == CURLMSG_DONE) {
        // The message does not outlive its request.
        finish(message->easy_handle, message->data.result);
      }
    }
  }

  void finish(CURL* easy, CURLcode code) {
    const auto found = std::ranges::find_if(
        transfers_, [easy](const auto& transfer) { return transfer->easy.get() == easy; });
    if (found == transfers_.end()) {
      return;
    }
    const std::unique_ptr<Transfer> transfer = std::move(*found);
    transfers_.erase(found);
    const Outcome outcome = outcome_of(transfer->url, moments(easy), failure(*transfer, code));
    library_.multi_remove_handle(handle_.get(), easy);
    transfer->done(outcome);
  }

  [[nodiscard]] Moments moments(CURL* easy) const {
    return {.resolved = moment(library_, easy, CURLINFO_NAMELOOKUP_TIME_T),
            .connected = moment(library_, easy, CURLINFO_CONNECT_TIME_T),
            .tls_done = moment(library_, easy, CURLINFO_APPCONNECT_TIME_T),
            .sent = moment(library_, easy, CURLINFO_PRETRANSFER_TIME_T),
            .first_byte = moment(library_, easy, CURLINFO_STARTTRANSFER_TIME_T),
            .ended = moment(library_, easy, CURLINFO_TOTAL_TIME_T)};
  }

  [[nodiscard]] std::optional<Failure> failure(const Transfer& transfer, CURLcode code) const {
    if (transfer.bytes > transfer.most_bytes) {
      return Failure{
          .reason = Reason::body,
          .why = "the body has more than " + std::to_string(transfer.most_bytes) + " bytes"};
    }
    if (code != CURLE_OK) {
      const std::string words{transfer.words.data()};
      return Failure{.reason = reason_of(code),
                     .why = words.empty() ? library_.easy_strerror(code) : words};
    }
    const auto status =
        info<long>(library_, transfer.easy.get(), CURLINFO_RESPONSE_CODE).value_or(0);
    if (transfer.url.scheme != Scheme::tcp && status != transfer.status) {
      return Failure{.reason = Reason::status,
                     .why = "status " + std::to_string(status) + ", expected " +
                            std::to_string(transfer.status)};
    }
    return std::nullopt;
  }

  // libcurl is C: nothing may be thrown through it.
  static int on_socket(CURL* /*easy*/, curl_socket_t socket, int what, void* multi,
                       void* /*of_socket*/) {
    auto& self = *static_cast<Multi*>(multi);
    try {
      if (what == CURL_POLL_REMOVE) {
        self.poller_.forget(socket);
      } else {
        const bool in = (what & CURL_POLL_IN) != 0;
        const bool out = (what & CURL_POLL_OUT) != 0;
        const std::uint32_t wanted =
            (in ? std::uint32_t{EPOLLIN} : 0U) | (out ? std::uint32_t{EPOLLOUT} : 0U);
        self.poller_.watch(socket, wanted,
                           [&self, socket](std::uint32_t events) { self.ready(socket, events); });
      }
      return 0;
    } catch (const std::exception&) {
      return -1;
    }
  }

  void ready(curl_socket_t socket, std::uint32_t events) {
    int bits = 0;
    bits |= (events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0;
    bits |= (events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
    bits |= (events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0;
    act(socket, bits);
  }

  static int on_timer(CURLM* /*handle*/, long milliseconds, void* multi) {
    auto& self = *static_cast<Multi*>(multi);
    try {
      if (milliseconds < 0) {
        self.timer_.stop();
      } else {
        self.timer_.set(std::chrono::steady_clock::now() + std::chrono::milliseconds{milliseconds});
      }
      return 0;
    } catch (const std::exception&) {
      return -1;
    }
  }

  const Library& library_;
  Poller& poller_;
  Timer timer_;
  MultiHandle handle_;
  std::vector<std::unique_ptr<Transfer>> transfers_;
};

Result<HttpProbe> HttpProbe::open(Poller& poller) {
  const Result<const Library*> library = curl::library();
  if (!library) {
    return std::unexpected(library.error());
  }
  MultiHandle handle{(*library)->multi_init(), MultiDeleter{*library}};
  if (handle == nullptr) {
    return fail(ErrorKind::internal, "libcurl: no memory");
  }
  return HttpProbe{std::make_unique<Multi>(**library, poller, std::move(handle))};
}

HttpProbe::HttpProbe(std::unique_ptr<Multi> multi) : multi_{std::move(multi)} {}
HttpProbe::HttpProbe(HttpProbe&&) noexcept = default;
HttpProbe& HttpProbe::operator=(HttpProbe&&) noexcept = default;
HttpProbe::~HttpProbe() = default;

Result<void> HttpProbe::start(const Target& target, Path path, Done done) {
  return multi_->start(target, path, std::move(done));
}

}  // namespace kubecliff::probe
