// Every fuzzer's corpus, replayed as an ordinary test. CMakeLists.txt compiles each fuzzer in under
// its own name in place of LLVMFuzzerTestOneInput.
#include <cstdint>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"

extern "C" {
int fuzz_events(const std::uint8_t* data, std::size_t size);
int fuzz_text(const std::uint8_t* data, std::size_t size);
}

namespace {

TEST(Corpus, OfEveryFuzzerIsTakenWithoutAnAccident) {
  struct Fuzzer {
    const char* corpus;
    int (*run)(const std::uint8_t* data, std::size_t size);
  };
  for (const Fuzzer& fuzzer :
       {Fuzzer{"corpus_events", fuzz_events}, Fuzzer{"corpus_text", fuzz_text}}) {
    SCOPED_TRACE(fuzzer.corpus);
    int files = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator{std::filesystem::path{FUZZ_FOLDER} / fuzzer.corpus}) {
      const auto input = kubecliff::test::read_bytes(entry.path());
      EXPECT_EQ(fuzzer.run(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()), 0);
      ++files;
    }
    EXPECT_GT(files, 0);
  }
}

}  // namespace
