#include "exporter/http/server.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <exception>
#include <expected>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <thread>
#include <utility>

#include "collectors/core/split.h"
#include "exporter/http/ascii.h"
#include "exporter/http/basic_auth.h"
#include "exporter/http/contained.h"
#include "exporter/http/gzip.h"
#include "exporter/http/listen_address.h"
#include "exporter/http/rate_limiter.h"
#include "exporter/http/tls.h"

namespace kubecliff::http {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWorthCompressing = 1'024;
constexpr const char* kMostHeaderBytes = "16384";
// Of the two seconds that a stop may take.
constexpr auto kLongestDrain = 1'200ms;

// ---- Listening
// --------------------------------------------------------------------------------------

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_{descriptor} {}
  Socket(Socket&& other) noexcept : descriptor_{std::exchange(other.descriptor_, -1)} {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) {
      close(descriptor_);
    }
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

std::string listen_on(std::string_view address) {
  return "listen on " + std::string{address};
}

// Binds as civetweb is about to, for it can only say that something went wrong.
Result<Socket> try_bind(const addrinfo& address, std::string_view text) {
  Socket probe{socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (probe.get() < 0) {
    return fail_errno(errno, listen_on(text));
  }
  const int on = 1;
  setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(probe.get(), address.ai_addr, address.ai_addrlen) != 0 || listen(probe.get(), 1) != 0) {
    return fail_errno(errno, listen_on(text));
  }
  return probe;
}

struct Listener {
  Socket probe;
  std::string civetweb_port;  // as civetweb's option takes it, but for the `s` of TLS
};

// "10.0.0.1:9909" or "[::1]:9909".
Result<std::string> numeric(const addrinfo& address, std::string_view text) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  const int failed = getnameinfo(address.ai_addr, address.ai_addrlen, host.data(), host.size(),
                                 port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  if (failed != 0) {
    return fail(ErrorKind::internal, listen_on(text) + ": " + gai_strerror(failed));
  }
  if (address.ai_family == AF_INET6) {
    return '[' + std::string{host.data()} + "]:" + port.data();
  }
  return std::string{host.data()} + ':' + port.data();
}

Result<Listener> resolve(std::string_view text) {
  const auto parsed = parse_listen_address(text);
  if (!parsed) {
    return std::unexpected(parsed.error());
  }

  const bool ipv6 = mg_check_feature(MG_FEATURES_IPV6) != 0;
  const std::string port = std::to_string(parsed->port);
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_family = ipv6 || parsed->host.contains(':') ? AF_UNSPEC : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  const bool any = parsed->host.empty();
  if (any && ipv6) {
    hints.ai_family = AF_INET6;  // of both kinds, for IPV6_V6ONLY is off unless it is asked for
  }
  addrinfo* list = nullptr;
  const int failed = getaddrinfo(any ? nullptr : parsed->host.c_str(), port.c_str(), &hints, &list);
  if (failed != 0) {
    return fail(ErrorKind::unavailable, listen_on(text) + ": " + gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, FreeAddresses> addresses{list};
  if (addresses->ai_family == AF_INET6 && !ipv6) {
    return fail(ErrorKind::unavailable,
                listen_on(text) + ": the installed civetweb is built without IPv6");
  }

  auto probe = try_bind(*addresses, text);
  if (!probe && any && ipv6 && probe.error().errno_value == EAFNOSUPPORT) {
    return resolve("0.0.0.0:" + port);
  }
  if (!probe) {
    return std::unexpected(std::move(probe.error()));
  }
  if (any) {
    return Listener{std::move(*probe), (ipv6 ? "+" : "") + port};
  }
  auto name = numeric(*addresses, text);
  if (!name) {
    return std::unexpected(std::move(name.error()));
  }
  return Listener{std::move(*probe), std::move(*name)};
}

// The value of civetweb's `listening_ports`.
Result<std::string> listening_ports(const std::vector<std::string>& addresses, bool tls) {
  if (addresses.empty()) {
    return fail(ErrorKind::malformed, "no address to listen on");
  }
  std::vector<Listener> listeners;  // held until all are known, so that two of the same are noticed
  std::string ports;
  for (const std::string& address : addresses) {
    auto listener = resolve(address);
    if (!listener) {
      return std::unexpected(std::move(listener.error()));
    }
    ports.append(ports.empty() ? "" : ",").append(listener->civetweb_port).append(tls ? "s" : "");
    listeners.push_back(std::move(*listener));
  }
  return ports;
}

// ---- Interrupting civetweb's threads
// ----------------------------------------------------------------

// civetweb's threads look whether they should stop every two seconds. A signal ends their poll(2)
// at once. SIGURG, because one that comes late is ignored by default.
constexpr int kInterrupt = SIGURG;

void install_interrupt() {
  struct sigaction action{};
  action.sa_handler = [](int) {};
  sigaction(kInterrupt, &action, nullptr);
}

class Threads {
 public:
  void enter() {
    sigset_t interrupt{};
    sigemptyset(&interrupt);
    sigaddset(&interrupt, kInterrupt);
    pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
    const std::lock_guard lock{mutex_};
    threads_.push_back(pthread_self());
  }

  void leave() {
    const std::lock_guard lock{mutex_};
    std::erase(threads_, pthread_self());
  }

  void interrupt() {
    const std::lock_guard lock{mutex_};
    for (const pthread_t thread : threads_) {
      pthread_kill(thread, kInterrupt);
    }
  }

 private:
  std::mutex mutex_;
  std::vector<pthread_t> threads_;
};

// ---- Requests
// ---------------------------------------------------------------------------------------

std::string http_date(std::time_t now) {
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 40> text{};
  const std::size_t length =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text.data(), length};
}

bool has_token(std::string_view header, std::string_view token) {
  return std::ranges::any_of(split(header, ","), [&](std::string_view entry) {
    return ascii_iequal(trimmed(entry), token);
  });
}

// Whether the client wants to send another request, and will not be misunderstood when it does.
bool can_be_kept(const Request& request, const mg_request_info& info) {
  const bool has_body = info.content_length > 0 || !request.header("Transfer-Encoding").empty();
  const std::string_view connection = request.header("Connection");
  const std::string_view version = info.http_version;
  return !has_body && !has_token(connection, "close") &&
         (version == "1.1" || has_token(connection, "keep-alive"));
}

std::string_view text_or_empty(const char* text) {
  return text == nullptr ? "" : text;
}

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address.starts_with("::ffff:127.") || address == "::1";
}

// Whether a Host header is that of somebody who meant this server, by its address or as localhost.
// A page of the web that is open in the browser of whoever forwards our port may have its own name
// resolve to 127.0.0.1, and read what is answered.
bool names_no_domain(std::string_view host) {
  if (host.starts_with('[')) {
    return true;
  }
  host = host.substr(0, host.find(':'));
  in_addr address{};
  return host == "localhost" || ::inet_pton(AF_INET, std::string{host}.c_str(), &address) == 1;
}

// Who asks something of a server with that configuration, once it has let them pass.
bool have_signed_in(const WebConfig& config) {
  return !config.users.empty() ||
         (config.tls && config.tls->client_auth == ClientAuth::require_and_verify);
}

// Or the status to refuse it with.
std::expected<Request, int> decoded(const mg_request_info& info) {
  // civetweb drops the headers after the last that it has room for; one of them may have mattered.
  if (info.num_headers >= MG_MAX_HEADERS) {
    return std::unexpected(431);
  }
  Request request{.method = std::string{text_or_empty(info.request_method)}};
  for (const mg_header& header :
       std::span{info.http_headers}.first(static_cast<std::size_t>(info.num_headers))) {
    request.headers.push_back({header.name, std::string{text_or_empty(header.value)}});
  }
  auto path = percent_decoded(text_or_empty(info.local_uri_raw));
  auto query = parse_query(text_or_empty(info.query_string));
  if (!path || !query) {
    return std::unexpected(400);
  }
  request.path = std::move(*path);
  request.query = std::move(*query);
  request.asker = is_loopback(text_or_empty(std::data(info.remote_addr))) &&
                          names_no_domain(request.header("Host"))
                      ? Asker::known
                      : Asker::anybody;
  return request;
}

void compress(const Request& request, Response& response) {
  if (response.body.size() < kWorthCompressing) {
    return;
  }
  response.headers.push_back({"Vary", "Accept-Encoding"});
  if (!accepts_gzip(request.header("Accept-Encoding"))) {
    return;
  }
  if (auto body = gzipped(response.body)) {
    response.body = std::move(*body);
    response.headers.push_back({"Content-Encoding", "gzip"});
  }
}

enum class Body : std::uint8_t { sent, left_out };
enum class Connection : std::uint8_t { kept, closed };

// In one piece, so that an answer is one write and, with TLS, one record.
std::string serialised(const Response& response, Body body, Connection connection) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  text.append(reason_phrase(response.status))
      .append("\r\nDate: ")
      .append(http_date(std::time(nullptr)));
  text.append("\r\nContent-Type: ").append(response.content_type);
  text.append("\r\nContent-Length: ").append(std::to_string(response.body.size()));
  for (const Header& header : response.headers) {
    text.append("\r\n").append(header.name).append(": ").append(header.value);
  }
  text.append("\r\nConnection: ");
  text.append(connection == Connection::kept ? "keep-alive" : "close").append("\r\n\r\n");
  if (body == Body::sent) {
    text += response.body;
  }
  return text;
}

// Once for the process; civetweb's own state is never torn down.
bool library_has_tls() {
  static const unsigned features = mg_init_library(MG_FEATURES_TLS);
  return (features & MG_FEATURES_TLS) != 0;
}

}  // namespace

// ---- Server
// -----------------------------------------------------------------------------------------

struct Server::State {
  State(ServerSettings given, Handler answer)
      : settings{std::move(given)}, handler{std::move(answer)} {}

  const ServerSettings settings;
  const Handler handler;
  SslContext ssl;
  mg_context* civetweb = nullptr;
  std::vector<std::uint16_t> ports;

  Authenticator authenticator;
  RateLimiter rate_limiter;
  Threads threads;
  std::atomic<unsigned> kept{0};  // connections with a place between requests
  std::atomic<bool> starting{true};
  std::string start_failure;  // civetweb's words, while starting

  std::mutex mutex;  // guards the rest
  std::condition_variable drained;
  unsigned under_way = 0;
  bool stopping = false;

  static State& of(const mg_context* context) {
    return *static_cast<State*>(mg_get_user_data(context));
  }
  static State& of(const mg_connection* connection) { return of(mg_get_context(connection)); }

  [[nodiscard]] bool begin() {
    const std::lock_guard lock{mutex};
    ++under_way;
    return !stopping;
  }
  void end() {
    const std::lock_guard lock{mutex};
    --under_way;
    drained.notify_all();
  }

  // A connection's place among the kept ones, which it has until it is closed.
  [[nodiscard]] bool keep(const mg_connection* connection) {
    if (mg_get_user_connection_data(connection) != nullptr) {
      return true;
    }
    const unsigned most = settings.max_connections - settings.max_connections / 4;
    if (kept.fetch_add(1) >= most) {
      kept.fetch_sub(1);
      return false;
    }
    mg_set_user_connection_data(connection, this);
    return true;
  }

  void closed(const mg_connection* connection) {
    if (mg_get_user_connection_data(connection) != nullptr) {
      kept.fetch_sub(1);
    }
  }

  [[nodiscard]] Response answer(const Request& request) const {
    try {
      return handler(request);
    } catch (const std::exception& error) {
      if (settings.log) {
        settings.log(request.path + ": " + error.what());
      }
    } catch (...) {
      if (settings.log) {
        settings.log(request.path + ": an exception of unknown type");
      }
    }
    return plain_response(500);
  }

  // Nothing where the request may pass.
  [[nodiscard]] std::optional<Response> refusal(const LoadedWebConfig& web,
                                                const Request& request) {
    if (!rate_limiter.allow(web.config.rate_limit, RateLimiter::Clock::now())) {
      return plain_response(429);
    }
    if (web.config.users.empty()) {
      return std::nullopt;
    }
    const auto credentials = parse_basic_authorization(request.header("Authorization"));
    const Verdict verdict =
        credentials ? authenticator.check(web.config.users, *credentials) : Verdict::denied;
    if (verdict == Verdict::granted) {
      return std::nullopt;
    }
    Response response = plain_response(verdict == Verdict::busy ? 503 : 401);
    response.headers.push_back(
        verdict == Verdict::busy
            ? Header{"Retry-After", "1"}
            : Header{"WWW-Authenticate", "Basic realm=\"kubecliff\", charset=\"UTF-8\""});
    return response;
  }

  [[nodiscard]] Response respond(std::expected<Request, int>& request) {
    if (!request) {
      return plain_response(request.error());
    }
    const auto web = settings.web_config ? settings.web_config->current()
                                         : std::shared_ptr<const LoadedWebConfig>{};
    std::optional<Response> response = web ? refusal(*web, *request) : std::nullopt;
    if (!response && request->method != "GET" && request->method != "HEAD") {
      response = plain_response(405);
      response->headers.push_back({"Allow", "GET, HEAD"});
    }
    if (!response) {
      if (web && have_signed_in(web->config)) {
        request->asker = Asker::known;
      }
      response = answer(*request);
      compress(*request, *response);
    }
    if (web) {
      response->headers.insert(response->headers.end(), web->config.headers.begin(),
                               web->config.headers.end());
    }
    return std::move(*response);
  }

  // Answers one request and returns its status.
  int serve(mg_connection* connection, Connection most) {
    const mg_request_info& info = *mg_get_request_info(connection);
    auto request = decoded(info);
    const Response response = respond(request);
    const bool kept_open =
        most == Connection::kept && request && can_be_kept(*request, info) && keep(connection);
    if (!kept_open) {
      // civetweb would otherwise read the request's body before it closes, however long that takes.
      mg_disable_connection_keep_alive(connection);
    }
    const bool head = request && request->method == "HEAD";
    const std::string text = serialised(response, head ? Body::left_out : Body::sent,
                                        kept_open ? Connection::kept : Connection::closed);
    mg_write(connection, text.data(), text.size());
    return response.status;
  }

  static int on_request(mg_connection* connection) noexcept {
    State& state = of(connection);
    const bool running = state.begin();
    int status = 500;
    if (!contained([&] {
          status = state.serve(connection, running ? Connection::kept : Connection::closed);
        })) {
      mg_disable_connection_keep_alive(connection);
    }
    state.end();
    return status;
  }

  // What civetweb refuses itself. Its own answers tell the date by gmtime(3), which threads share.
  static int on_error(mg_connection* connection, int status, const char* /*message*/) noexcept {
    mg_disable_connection_keep_alive(connection);
    contained([&] {
      const std::string text = serialised(plain_response(status), Body::sent, Connection::closed);
      mg_write(connection, text.data(), text.size());
    });
    return 0;  // nothing more for civetweb to send
  }

  static int on_message(const mg_connection* connection, const char* message) noexcept {
    State& state = of(connection);
    contained([&] {
      if (state.starting) {
        state.start_failure.append(state.start_failure.empty() ? "" : "; ").append(message);
      } else if (state.settings.log) {
        state.settings.log(message);
      }
    });
    return 1;  // nothing more for civetweb to write
  }

  // Asked for the context at the start and about freeing it at the end; it stays ours.
  static int on_ssl_context(void** context, void* user_data) noexcept {
    *context = static_cast<State*>(user_data)->ssl.get();
    return 1;
  }

  Result<void> start();
  void stop();
};

Result<void> Server::State::start() {
  const bool tls = settings.web_config && settings.web_config->current()->tls;
  if (!library_has_tls() && tls) {
    return fail(ErrorKind::unavailable, "TLS: civetweb cannot use the OpenSSL of this program");
  }
  if (tls) {
    auto context = make_server_context(*settings.web_config);
    if (!context) {
      return std::unexpected(std::move(context.error()));
    }
    ssl = std::move(*context);
  }
  const auto listening = listening_ports(settings.listen_addresses, tls);
  if (!listening) {
    return std::unexpected(listening.error());
  }

  mg_callbacks callbacks{};
  callbacks.begin_request = on_request;
  callbacks.http_error = on_error;
  callbacks.log_message = on_message;
  callbacks.external_ssl_ctx = on_ssl_context;
  callbacks.connection_close = [](const mg_connection* connection) {
    of(connection).closed(connection);
  };
  callbacks.init_thread = [](const mg_context* context, int /*type*/) -> void* {
    of(context).threads.enter();
    return nullptr;
  };
  callbacks.exit_thread = [](const mg_context* context, int /*type*/, void* /*pointer*/) {
    of(context).threads.leave();
  };

  const std::string threads_wanted = std::to_string(settings.max_connections);
  const std::string header_timeout = std::to_string(settings.header_timeout.count());
  const std::string idle_timeout = std::to_string(settings.idle_timeout.count());
  // No document_root: every request goes to on_request, and none of them reaches a file.
  std::array options = std::to_array<const char*>({
      "listening_ports",
      listening->c_str(),
      "num_threads",
      threads_wanted.c_str(),
      "connection_queue",
      threads_wanted.c_str(),
      "listen_backlog",
      "128",
      "max_request_size",
      kMostHeaderBytes,
      "request_timeout_ms",
      header_timeout.c_str(),
      "keep_alive_timeout_ms",
      idle_timeout.c_str(),
      "enable_keep_alive",
      "yes",
      "tcp_nodelay",
      "1",
      "decode_url",
      "no",
      "enable_auth_domain_check",
      "no",
      "enable_directory_listing",
      "no",
      nullptr,
  });
  install_interrupt();
  civetweb = mg_start(&callbacks, this, options.data());
  starting = false;
  if (civetweb == nullptr) {
    return fail(ErrorKind::unavailable, "start the HTTP server: " + start_failure);
  }

  std::vector<mg_server_port> bound(settings.listen_addresses.size());
  mg_get_server_ports(civetweb, static_cast<int>(bound.size()), bound.data());
  for (const mg_server_port& port : bound) {
    ports.push_back(static_cast<std::uint16_t>(port.port));
  }
  return {};
}

void Server::State::stop() {
  if (civetweb == nullptr) {
    return;
  }
  {
    // civetweb drops what it is sending as soon as it is told to stop.
    std::unique_lock lock{mutex};
    stopping = true;
    drained.wait_for(lock, kLongestDrain, [&] { return under_way == 0; });
  }
  std::jthread interrupting;
  // Where no thread is to be had, civetweb takes its two seconds.
  contained([&] {
    interrupting = std::jthread{[this](const std::stop_token& stopped) {
      while (!stopped.stop_requested()) {
        threads.interrupt();
        std::this_thread::sleep_for(5ms);
      }
    }};
  });
  mg_stop(std::exchange(civetweb, nullptr));
}

Server::Server(std::unique_ptr<State> state) : state_{std::move(state)} {}

Server::~Server() {
  stop();
}

Result<std::unique_ptr<Server>> Server::start(ServerSettings settings, Handler handler) {
  auto state = std::make_unique<State>(std::move(settings), std::move(handler));
  if (auto started = state->start(); !started) {
    return std::unexpected(std::move(started.error()));
  }
  return std::unique_ptr<Server>{new Server{std::move(state)}};
}

const std::vector<std::uint16_t>& Server::ports() const {
  return state_->ports;
}

void Server::stop() {
  state_->stop();
}

}  // namespace kubecliff::http
