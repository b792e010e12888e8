// ApiStandIn: what answers in a Kubernetes API server's place, well-behaved or not.
//
// HTTPS with a token, objects with resource versions, lists, watches with bookmarks, conflicts, 410
// for what is too long ago. It knows nothing of what the objects mean. Any thread may call
// anything.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>
#include <openssl/ssl.h>

#include "collectors/kernel/unique_fd.h"
#include "tests/support/file_tree.h"

namespace kubecliff::test {

class ApiStandIn {
 public:
  using Json = nlohmann::json;

  // At 127.0.0.1 in the calling thread's network namespace, serving that version of
  // discovery.k8s.io.
  explicit ApiStandIn(std::string discovery_version = "v1");
  ApiStandIn(const ApiStandIn&) = delete;
  ApiStandIn& operator=(const ApiStandIn&) = delete;
  ~ApiStandIn();

  [[nodiscard]] std::string url() const;
  // A folder with token, ca.crt and namespace (`tests`).
  [[nodiscard]] const std::filesystem::path& credentials() const { return files_.path(); }
  [[nodiscard]] std::string slices() const;  // the path of the EndpointSlices

  // As another client would. Paths are those of objects.
  void put(const std::string& path, Json object);
  void remove(const std::string& path);
  [[nodiscard]] std::optional<Json> get(const std::string& path) const;

  // From here on the token is another; the file is as before until write_token().
  void replace_token();
  void write_token();

  void bookmark();
  // Nothing that has happened so far is told to watches that begin now: 410.
  void compact();
  // Every watch is told 410 as soon as it begins, or not any more.
  void refuse_watches(bool refuse);
  // Watches end in the middle of what they say, or as agreed, or say this line.
  void drop_watches();
  void end_watches();
  void say(const std::string& line);
  // Every request is answered so; 0: as it should be.
  void answer_all_with(int status);
  // Events reach the watches so much later.
  void delay_events(std::chrono::milliseconds delay);
  // Nobody listens any more, and all connections are gone; somebody does again, at the same port.
  void stop();
  void start();

  [[nodiscard]] std::uint64_t requests() const;
  [[nodiscard]] std::uint64_t connections() const;  // so far
  [[nodiscard]] std::uint64_t watches() const;      // under way
  // Method and path with query, of every request so far.
  [[nodiscard]] std::vector<std::string> log() const;

 private:
  struct Event {
    std::uint64_t version = 0;
    std::string path;  // of the object
    std::string line;
    std::chrono::steady_clock::time_point due;
  };
  struct Request {
    std::string method;
    std::string path;
    std::map<std::string, std::string> query;
    std::string token;
    std::string body;
  };
  struct Reply {
    int status = 200;
    std::string body;
  };
  struct Connection {
    UniqueFd socket;
    std::unique_ptr<SSL, decltype(&::SSL_free)> tls{nullptr, &::SSL_free};
    bool ended = false;
    std::thread thread;
  };

  void accept();
  void serve(Connection& connection);
  [[nodiscard]] std::optional<Request> read(Connection& connection, std::string& rest) const;
  [[nodiscard]] Reply reply(const Request& request);
  [[nodiscard]] bool watch(Connection& connection, const Request& request);
  void happened(const char* type, const std::string& path, const Json& object);
  [[nodiscard]] Reply refuse(int status, const std::string& words) const;
  [[nodiscard]] bool selected(const Request& request, const std::string& path) const;

  const std::string discovery_version_;
  FileTree files_;
  std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::thread acceptor_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // All below guarded by `mutex_`.
  std::list<Connection> connections_;
  std::map<std::string, Json> objects_;
  std::vector<Event> events_;
  std::uint64_t version_ = 100;
  std::uint64_t oldest_ = 0;
  bool refuses_watches_ = false;
  std::string token_ = "token-1";
  int status_ = 0;
  std::chrono::milliseconds delay_{};
  std::uint64_t dropped_ = 0;  // how often watches were dropped, and ended
  std::uint64_t agreed_ = 0;
  bool stopping_ = false;
  std::uint64_t watches_ = 0;
  std::uint64_t accepted_ = 0;
  std::vector<std::string> log_;
};

}  // namespace kubecliff::test
