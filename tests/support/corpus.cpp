#include "tests/support/corpus.h"

#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"

namespace kubecliff::test {

void expect_taken(Fuzzer fuzzer, const std::filesystem::path& folder) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    SCOPED_TRACE(entry.path());
    const ByteVector input = read_bytes(entry.path());
    EXPECT_EQ(fuzzer(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()), 0);
    ++files;
  }
  EXPECT_GT(files, 0) << folder;
}

}  // namespace kubecliff::test
