// Spawned: a server that a test starts, and that ends with this object.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace kubecliff::test {

// Runs argv[0], found on PATH or in the sbin directories, in the calling thread's network
// namespace, with nothing to read and its output thrown away.
class Spawned {
 public:
  explicit Spawned(const std::vector<std::string>& argv);
  Spawned(const Spawned&) = delete;
  Spawned& operator=(const Spawned&) = delete;
  ~Spawned();

 private:
  pid_t pid_ = 0;
};

}  // namespace kubecliff::test
