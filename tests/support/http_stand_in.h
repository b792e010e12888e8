// HttpStandIn: what answers in the place of a receiver of alerts, well-behaved or not.
//
// HTTP/1.1, or HTTPS with a certificate of its own authority, at an address of the network
// namespace in which it was made. Any thread may call anything.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <openssl/ssl.h>

#include "collectors/kernel/unique_fd.h"
#include "tests/support/file_tree.h"

namespace kubecliff::test {

class HttpStandIn {
 public:
  enum class Scheme : std::uint8_t { http, https };

  struct Request {
    std::string method;
    std::string path;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    std::uint64_t connection = 0;  // the first is 1
  };
  struct Reply {
    int status = 200;
    std::vector<std::string> headers = {};
    std::string body = {};
    // In place of an answer: nothing at all, for as long as it stands; or the connection's end.
    enum class Instead : std::uint8_t { nothing, silence, close } instead = Instead::nothing;
  };

  explicit HttpStandIn(Scheme scheme = Scheme::http, const std::string& address = "127.0.0.1");
  HttpStandIn(const HttpStandIn&) = delete;
  HttpStandIn& operator=(const HttpStandIn&) = delete;
  ~HttpStandIn();

  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::filesystem::path ca_file() const { return files_.path() / "ca.crt"; }

  // POSTs are answered so, one after the other, then by the last `always`; other requests by 200.
  void answer(Reply reply);
  void always(Reply reply);
  // Every connection is closed, as by a restart, and new ones are taken.
  void close_connections();

  // The POSTs, once there are as many; fewer where they do not come.
  [[nodiscard]] std::vector<Request> posts(
      std::size_t count, std::chrono::milliseconds patience = std::chrono::seconds{20});
  // The same of all requests.
  [[nodiscard]] std::vector<Request> requests(
      std::size_t count, std::chrono::milliseconds patience = std::chrono::seconds{20});
  [[nodiscard]] std::uint64_t connections() const;  // so far

 private:
  struct Connection {
    std::uint64_t number = 0;
    UniqueFd socket;
    std::unique_ptr<SSL, decltype(&::SSL_free)> tls{nullptr, &::SSL_free};
    bool ended = false;
    std::thread thread;
  };

  void accept();
  void serve(Connection& connection);
  [[nodiscard]] static bool read_more(Connection& connection, std::string& rest);
  [[nodiscard]] static bool send(Connection& connection, std::string_view text);
  [[nodiscard]] bool reply(Connection& connection, const Request& request);
  [[nodiscard]] std::vector<Request> wait_for(std::size_t count, std::string_view method,
                                              std::chrono::milliseconds patience);

  const Scheme scheme_;
  const std::string address_;
  FileTree files_;
  std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context_{nullptr, &::SSL_CTX_free};
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::thread acceptor_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // All below guarded by `mutex_`.
  std::list<Connection> connections_;
  std::deque<Reply> replies_;
  Reply always_;
  std::vector<Request> log_;
  std::uint64_t accepted_ = 0;
  bool stopping_ = false;
};

}  // namespace kubecliff::test
