#include "tests/support/api_stand_in.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "tests/support/certificates.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;

bool send_all(SSL* tls, std::string_view text) {
  while (!text.empty()) {
    std::size_t sent = 0;
    if (::SSL_write_ex(tls, text.data(), text.size(), &sent) != 1) {
      return false;
    }
    text.remove_prefix(sent);
  }
  return true;
}

bool send_chunk(SSL* tls, std::string_view text) {
  std::array<char, 24> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", text.size());
  return send_all(tls, size.data() + std::string{text} + "\r\n");
}

std::string after(std::string_view text, std::string_view what) {
  const std::size_t at = text.find(what);
  if (at == std::string_view::npos) {
    return {};
  }
  text.remove_prefix(at + what.size());
  return std::string{text.substr(0, text.find("\r\n"))};
}

std::uint64_t number(const std::map<std::string, std::string>& query, const std::string& name) {
  const auto found = query.find(name);
  return found == query.end() ? 0 : std::stoull(found->second);
}

}  // namespace

ApiStandIn::ApiStandIn(std::string discovery_version)
    : discovery_version_{std::move(discovery_version)},
      context_{::SSL_CTX_new(::TLS_server_method()), &::SSL_CTX_free} {
  make_ca(files_.path(), "ca");
  make_certificate(files_.path(), "server", "ca", "subjectAltName=IP:127.0.0.1");
  files_.file("namespace", "tests");
  write_token();
  if (::SSL_CTX_use_certificate_file(context_.get(), (files_.path() / "server.crt").c_str(),
                                     SSL_FILETYPE_PEM) != 1 ||
      ::SSL_CTX_use_PrivateKey_file(context_.get(), (files_.path() / "server.key").c_str(),
                                    SSL_FILETYPE_PEM) != 1) {
    throw std::runtime_error{"the API stand-in's certificate"};
  }
  start();
}

ApiStandIn::~ApiStandIn() {
  stop();
}

std::string ApiStandIn::url() const {
  return "https://127.0.0.1:" + std::to_string(port_);
}

std::string ApiStandIn::slices() const {
  return "/apis/discovery.k8s.io/" + discovery_version_ + "/namespaces/tests/endpointslices";
}

void ApiStandIn::start() {
  listener_ = UniqueFd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  constexpr int kOn = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &kOn, sizeof(kOn));
  sockaddr_in address{.sin_family = AF_INET,
                      .sin_port = htons(port_),
                      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                      .sin_zero = {}};
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 64) != 0 ||
      ::getsockname(listener_.get(), generic, &size) != 0) {
    throw std::runtime_error{"the API stand-in's port"};
  }
  port_ = ntohs(address.sin_port);
  {
    const std::lock_guard lock{mutex_};
    stopping_ = false;
  }
  acceptor_ = std::thread{[this] { accept(); }};
}

void ApiStandIn::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    for (const Connection& connection : connections_) {
      ::shutdown(connection.socket.get(), SHUT_RDWR);
    }
    changed_.notify_all();
  }
  if (acceptor_.joinable()) {
    acceptor_.join();
  }
  listener_.reset();
  for (Connection& connection : connections_) {
    connection.thread.join();
  }
  connections_.clear();
}

void ApiStandIn::accept() {
  while (true) {
    pollfd waiting{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    const bool ready = ::poll(&waiting, 1, 20) > 0;
    const std::lock_guard lock{mutex_};
    if (stopping_) {
      return;
    }
    for (auto it = connections_.begin(); it != connections_.end();) {
      if (it->ended) {
        it->thread.join();
        it = connections_.erase(it);
      } else {
        ++it;
      }
    }
    if (ready) {
      Connection& made = connections_.emplace_back();
      made.socket = UniqueFd{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
      constexpr int kAtOnce = 1;
      ::setsockopt(made.socket.get(), IPPROTO_TCP, TCP_NODELAY, &kAtOnce, sizeof(kAtOnce));
      made.tls.reset(::SSL_new(context_.get()));
      ++accepted_;
      made.thread = std::thread{[this, &made] { serve(made); }};
    }
  }
}

void ApiStandIn::serve(Connection& connection) {
  ::SSL_set_fd(connection.tls.get(), connection.socket.get());
  std::string rest;
  if (::SSL_accept(connection.tls.get()) == 1) {
    while (const auto request = read(connection, rest)) {
      {
        const std::lock_guard lock{mutex_};
        log_.push_back(request->method + " " + request->path);
      }
      if (request->query.contains("watch")) {
        if (!watch(connection, *request)) {
          break;
        }
        continue;
      }
      const Reply answer = reply(*request);
      if (!send_all(connection.tls.get(),
                    "HTTP/1.1 " + std::to_string(answer.status) + " X\r\nContent-Length: " +
                        std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body)) {
        break;
      }
    }
  }
  ::shutdown(connection.socket.get(), SHUT_RDWR);
  const std::lock_guard lock{mutex_};
  connection.ended = true;
}

std::optional<ApiStandIn::Request> ApiStandIn::read(Connection& connection,
                                                    std::string& rest) const {
  const auto more = [&] {
    std::array<char, 4'096> piece{};
    std::size_t got = 0;
    if (::SSL_read_ex(connection.tls.get(), piece.data(), piece.size(), &got) != 1) {
      return false;
    }
    rest.append(piece.data(), got);
    return true;
  };
  while (rest.find("\r\n\r\n") == std::string::npos) {
    if (!more()) {
      return std::nullopt;
    }
  }
  const std::size_t head_end = rest.find("\r\n\r\n") + 4;
  const std::string head = rest.substr(0, head_end);
  const std::string length = after(head, "Content-Length: ");
  const std::size_t body_size = length.empty() ? 0 : std::stoul(length);
  while (rest.size() < head_end + body_size) {
    if (!more()) {
      return std::nullopt;
    }
  }
  Request request{.method = head.substr(0, head.find(' ')),
                  .path = after(head, " "),
                  .query = {},
                  .token = after(head, "Authorization: Bearer "),
                  .body = rest.substr(head_end, body_size)};
  rest.erase(0, head_end + body_size);
  request.path.erase(request.path.find(' '));
  if (const std::size_t mark = request.path.find('?'); mark != std::string::npos) {
    std::string words = request.path.substr(mark + 1) + "&";
    while (!words.empty()) {
      const std::string word = words.substr(0, words.find('&'));
      words.erase(0, word.size() + 1);
      request.query[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
    }
  }
  return request;
}

ApiStandIn::Reply ApiStandIn::refuse(int status, const std::string& words) const {
  return {.status = status,
          .body = Json{{"kind", "Status"}, {"code", status}, {"message", words}}.dump()};
}

bool ApiStandIn::selected(const Request& request, const std::string& path) const {
  constexpr std::string_view kName = "metadata.name%3D";
  const std::string collection = request.path.substr(0, request.path.find('?'));
  const auto selector = request.query.find("fieldSelector");
  return path.starts_with(collection + "/") &&
         (selector == request.query.end() ||
          path == collection + "/" + selector->second.substr(kName.size()));
}

ApiStandIn::Reply ApiStandIn::reply(const Request& request) {
  const std::lock_guard lock{mutex_};
  if (status_ != 0) {
    return refuse(status_, "as the test wants it");
  }
  if (request.token != token_) {
    return refuse(401, "Unauthorized");
  }
  const std::string path = request.path.substr(0, request.path.find('?'));
  if (path == "/apis/discovery.k8s.io") {
    return {.body = Json{{"kind", "APIGroup"},
                         {"versions", Json::array({{{"version", discovery_version_}}})}}
                        .dump()};
  }
  if (request.method == "GET") {
    if (const auto found = objects_.find(path); found != objects_.end()) {
      return {.body = found->second.dump()};
    }
    if (!path.ends_with("slices")) {
      return refuse(404, "not found");
    }
    Json items = Json::array();
    for (const auto& [name, object] : objects_) {
      if (selected(request, name)) {
        items.push_back(object);
      }
    }
    return {.body = Json{{"kind", "List"},
                         {"metadata", {{"resourceVersion", std::to_string(version_)}}},
                         {"items", std::move(items)}}
                        .dump()};
  }
  Json object = Json::parse(request.body);
  const bool creates = request.method == "POST";
  const std::string name =
      creates ? path + "/" + object["metadata"]["name"].get<std::string>() : path;
  const auto found = objects_.find(name);
  if (creates == (found != objects_.end())) {
    return refuse(creates ? 409 : 404, creates ? "already exists" : "not found");
  }
  if (!creates &&
      object["metadata"]["resourceVersion"] != found->second["metadata"]["resourceVersion"]) {
    return refuse(409, "the object has been modified");
  }
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  objects_[name] = object;
  happened(creates ? "ADDED" : "MODIFIED", name, object);
  return {.status = creates ? 201 : 200, .body = object.dump()};
}

void ApiStandIn::happened(const char* type, const std::string& path, const Json& object) {
  events_.push_back({.version = version_,
                     .path = path,
                     .line = Json{{"type", type}, {"object", object}}.dump() + "\n",
                     .due = std::chrono::steady_clock::now() + delay_});
  changed_.notify_all();
}

bool ApiStandIn::watch(Connection& connection, const Request& request) {
  SSL* const tls = connection.tls.get();
  const std::uint64_t since = number(request.query, "resourceVersion");
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::seconds{number(request.query, "timeoutSeconds")};
  std::unique_lock lock{mutex_};
  int status = 200;
  if (status_ != 0) {
    status = status_;
  } else if (request.token != token_) {
    status = 401;
  }
  if (status != 200) {
    const std::string body = refuse(status, "no watch").body;
    lock.unlock();
    return send_all(tls, "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  const std::uint64_t dropped = dropped_;
  const std::uint64_t agreed = agreed_;
  const bool too_old = since < oldest_ || refuses_watches_;
  std::size_t next = 0;
  ++watches_;
  lock.unlock();
  bool alive = send_all(tls, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  if (alive && too_old) {
    alive = send_chunk(
        tls,
        Json{{"type", "ERROR"}, {"object", {{"code", 410}, {"message", "too old"}}}}.dump() + "\n");
  }
  lock.lock();
  while (alive && !too_old && !stopping_ && dropped_ == dropped && agreed_ == agreed) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) {
      break;
    }
    if (next < events_.size() && events_[next].due <= now) {
      const Event event = events_[next++];
      const bool wanted = event.version > since || event.version == 0;
      if (wanted && (event.path.empty() || selected(request, event.path))) {
        lock.unlock();
        alive = send_chunk(tls, event.line);
        lock.lock();
      }
      continue;
    }
    // Nobody asks for more while a watch is under way: what there is to read is its end.
    pollfd client{.fd = connection.socket.get(), .events = POLLIN, .revents = 0};
    if (::poll(&client, 1, 0) > 0) {
      alive = false;
      break;
    }
    const auto until = next < events_.size() ? std::min(events_[next].due, end) : end;
    changed_.wait_until(lock, std::min(until, now + 20ms));
  }
  --watches_;
  const bool as_agreed = alive && dropped_ == dropped && !stopping_;
  if (dropped_ != dropped) {
    lock.unlock();
    std::ignore = send_all(tls, "ffff\r\n{\"type\": \"MODI");
    return false;
  }
  lock.unlock();
  return as_agreed && send_all(tls, "0\r\n\r\n");
}

void ApiStandIn::put(const std::string& path, Json object) {
  const std::lock_guard lock{mutex_};
  const bool known = objects_.contains(path);
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  objects_[path] = object;
  happened(known ? "MODIFIED" : "ADDED", path, object);
}

void ApiStandIn::remove(const std::string& path) {
  const std::lock_guard lock{mutex_};
  Json object = objects_.at(path);
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  objects_.erase(path);
  happened("DELETED", path, object);
}

std::optional<ApiStandIn::Json> ApiStandIn::get(const std::string& path) const {
  const std::lock_guard lock{mutex_};
  const auto found = objects_.find(path);
  return found == objects_.end() ? std::nullopt : std::optional{found->second};
}

void ApiStandIn::replace_token() {
  const std::lock_guard lock{mutex_};
  token_ += "1";
}

void ApiStandIn::write_token() {
  const std::lock_guard lock{mutex_};
  files_.file("token", token_ + "\n");
}

void ApiStandIn::bookmark() {
  const std::lock_guard lock{mutex_};
  const Json object{{"metadata", {{"resourceVersion", std::to_string(++version_)}}}};
  happened("BOOKMARK", "", object);
}

void ApiStandIn::compact() {
  const std::lock_guard lock{mutex_};
  oldest_ = ++version_;
}

void ApiStandIn::refuse_watches(bool refuse) {
  const std::lock_guard lock{mutex_};
  refuses_watches_ = refuse;
}

void ApiStandIn::drop_watches() {
  const std::lock_guard lock{mutex_};
  ++dropped_;
  changed_.notify_all();
}

void ApiStandIn::end_watches() {
  const std::lock_guard lock{mutex_};
  ++agreed_;
  changed_.notify_all();
}

void ApiStandIn::say(const std::string& line) {
  const std::lock_guard lock{mutex_};
  events_.push_back({.version = ++version_,
                     .path = "",
                     .line = line + "\n",
                     .due = std::chrono::steady_clock::now()});
  changed_.notify_all();
}

void ApiStandIn::answer_all_with(int status) {
  const std::lock_guard lock{mutex_};
  status_ = status;
}

void ApiStandIn::delay_events(std::chrono::milliseconds delay) {
  const std::lock_guard lock{mutex_};
  delay_ = delay;
}

std::uint64_t ApiStandIn::requests() const {
  const std::lock_guard lock{mutex_};
  return log_.size();
}

std::uint64_t ApiStandIn::connections() const {
  const std::lock_guard lock{mutex_};
  return accepted_;
}

std::uint64_t ApiStandIn::watches() const {
  const std::lock_guard lock{mutex_};
  return watches_;
}

std::vector<std::string> ApiStandIn::log() const {
  const std::lock_guard lock{mutex_};
  return log_;
}

}  // namespace kubecliff::test
