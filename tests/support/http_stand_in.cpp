#include "tests/support/http_stand_in.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "tests/support/certificates.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kEndOfLine = "\r\n";

HttpStandIn::Request parse_head(std::string_view head) {
  HttpStandIn::Request request;
  const std::string_view first = head.substr(0, head.find(kEndOfLine));
  request.method = first.substr(0, first.find(' '));
  const std::string_view rest = first.substr(request.method.size() + 1);
  request.path = rest.substr(0, rest.find(' '));
  head.remove_prefix(first.size() + kEndOfLine.size());
  while (!head.starts_with(kEndOfLine)) {
    const std::string_view line = head.substr(0, head.find(kEndOfLine));
    std::string name{line.substr(0, line.find(':'))};
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    request.headers[name] = line.substr(line.find(':') + 2);
    head.remove_prefix(line.size() + kEndOfLine.size());
  }
  return request;
}

}  // namespace

HttpStandIn::HttpStandIn(Scheme scheme, const std::string& address)
    : scheme_{scheme}, address_{address} {
  // OpenSSL writes to connections that are gone, as kubecliff's own main() lets it.
  std::signal(SIGPIPE, SIG_IGN);
  if (scheme_ == Scheme::https) {
    context_.reset(::SSL_CTX_new(::TLS_server_method()));
    make_ca(files_.path(), "ca");
    make_certificate(files_.path(), "server", "ca", "subjectAltName=IP:" + address);
    if (::SSL_CTX_use_certificate_file(context_.get(), (files_.path() / "server.crt").c_str(),
                                       SSL_FILETYPE_PEM) != 1 ||
        ::SSL_CTX_use_PrivateKey_file(context_.get(), (files_.path() / "server.key").c_str(),
                                      SSL_FILETYPE_PEM) != 1) {
      throw std::runtime_error{"the HTTP stand-in's certificate"};
    }
  }
  listener_ = UniqueFd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
  socklen_t size = sizeof(at);
  auto* const generic = reinterpret_cast<sockaddr*>(&at);
  if (::inet_pton(AF_INET, address.c_str(), &at.sin_addr) != 1 ||
      ::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 64) != 0 ||
      ::getsockname(listener_.get(), generic, &size) != 0) {
    throw std::runtime_error{"the HTTP stand-in's port"};
  }
  port_ = ntohs(at.sin_port);
  acceptor_ = std::thread{[this] { accept(); }};
}

HttpStandIn::~HttpStandIn() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    changed_.notify_all();
  }
  close_connections();
  acceptor_.join();
  for (Connection& connection : connections_) {
    connection.thread.join();
  }
}

std::string HttpStandIn::url() const {
  return (scheme_ == Scheme::https ? "https://" : "http://") + address_ + ":" +
         std::to_string(port_);
}

void HttpStandIn::answer(Reply reply) {
  const std::lock_guard lock{mutex_};
  replies_.push_back(std::move(reply));
}

void HttpStandIn::always(Reply reply) {
  const std::lock_guard lock{mutex_};
  always_ = std::move(reply);
}

void HttpStandIn::close_connections() {
  const std::lock_guard lock{mutex_};
  for (const Connection& connection : connections_) {
    ::shutdown(connection.socket.get(), SHUT_RDWR);
  }
}

std::uint64_t HttpStandIn::connections() const {
  const std::lock_guard lock{mutex_};
  return accepted_;
}

std::vector<HttpStandIn::Request> HttpStandIn::posts(std::size_t count,
                                                     std::chrono::milliseconds patience) {
  return wait_for(count, "POST", patience);
}

std::vector<HttpStandIn::Request> HttpStandIn::requests(std::size_t count,
                                                        std::chrono::milliseconds patience) {
  return wait_for(count, "", patience);
}

std::vector<HttpStandIn::Request> HttpStandIn::wait_for(std::size_t count, std::string_view method,
                                                        std::chrono::milliseconds patience) {
  std::unique_lock lock{mutex_};
  std::vector<Request> found;
  const auto collect = [&] {
    found.clear();
    std::ranges::copy_if(log_, std::back_inserter(found), [&](const Request& request) {
      return method.empty() || request.method == method;
    });
    return found.size() >= count;
  };
  changed_.wait_for(lock, patience, collect);
  return found;
}

void HttpStandIn::accept() {
  while (true) {
    pollfd waiting{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    const bool ready = ::poll(&waiting, 1, 20) > 0;
    const std::lock_guard lock{mutex_};
    if (stopping_) {
      return;
    }
    std::erase_if(connections_, [](Connection& connection) {
      if (connection.ended) {
        connection.thread.join();
      }
      return connection.ended;
    });
    if (ready) {
      Connection& made = connections_.emplace_back();
      made.number = ++accepted_;
      made.socket = UniqueFd{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
      if (context_ != nullptr) {
        made.tls.reset(::SSL_new(context_.get()));
      }
      made.thread = std::thread{[this, &made] { serve(made); }};
    }
  }
}

void HttpStandIn::serve(Connection& connection) {
  bool alive = true;
  if (connection.tls != nullptr) {
    ::SSL_set_fd(connection.tls.get(), connection.socket.get());
    alive = ::SSL_accept(connection.tls.get()) == 1;
  }
  std::string rest;
  while (alive) {
    while (alive && !rest.contains("\r\n\r\n")) {
      alive = read_more(connection, rest);
    }
    if (!alive) {
      break;
    }
    const std::size_t head_end = rest.find("\r\n\r\n") + 4;
    Request request = parse_head(std::string_view{rest}.substr(0, head_end));
    request.connection = connection.number;
    const auto length = request.headers.find("content-length");
    const std::size_t body = length == request.headers.end() ? 0 : std::stoul(length->second);
    while (alive && rest.size() < head_end + body) {
      alive = read_more(connection, rest);
    }
    request.body = rest.substr(head_end, body);
    rest.erase(0, head_end + body);
    alive = alive && reply(connection, request);
  }
  ::shutdown(connection.socket.get(), SHUT_RDWR);
  const std::lock_guard lock{mutex_};
  connection.ended = true;
}

bool HttpStandIn::reply(Connection& connection, const Request& request) {
  std::unique_lock lock{mutex_};
  Reply reply;
  if (request.method == "POST") {
    reply = always_;
    if (!replies_.empty()) {
      reply = replies_.front();
      replies_.pop_front();
    }
  }
  log_.push_back(request);
  changed_.notify_all();
  if (reply.instead == Reply::Instead::close) {
    return false;
  }
  if (reply.instead == Reply::Instead::silence) {
    lock.unlock();
    std::string ignored;
    while (read_more(connection, ignored)) {
    }
    return false;
  }
  lock.unlock();
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " X\r\n";
  for (const std::string& header : reply.headers) {
    text.append(header).append(kEndOfLine);
  }
  text += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n";
  return send(connection, request.method == "HEAD" ? text : text + reply.body);
}

bool HttpStandIn::read_more(Connection& connection, std::string& rest) {
  std::array<char, 16'384> piece{};
  std::size_t got = 0;
  if (connection.tls != nullptr) {
    if (::SSL_read_ex(connection.tls.get(), piece.data(), piece.size(), &got) != 1) {
      return false;
    }
  } else {
    const ssize_t size = ::recv(connection.socket.get(), piece.data(), piece.size(), 0);
    if (size <= 0) {
      return false;
    }
    got = static_cast<std::size_t>(size);
  }
  rest.append(piece.data(), got);
  return true;
}

bool HttpStandIn::send(Connection& connection, std::string_view text) {
  while (!text.empty()) {
    std::size_t sent = 0;
    if (connection.tls != nullptr) {
      if (::SSL_write_ex(connection.tls.get(), text.data(), text.size(), &sent) != 1) {
        return false;
      }
    } else {
      const ssize_t size = ::send(connection.socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (size <= 0) {
        return false;
      }
      sent = static_cast<std::size_t>(size);
    }
    text.remove_prefix(sent);
  }
  return true;
}

}  // namespace kubecliff::test
