#include "exporter/evidence/archive.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

namespace kubecliff::evidence {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kMostName = 200;
// As much as one call of zlib may take.
constexpr std::size_t kMostPiece = std::size_t{1} << 30U;

// struct posix_header of <tar.h>'s format; every field is text.
struct Header {
  std::array<char, 100> name{};
  std::array<char, 8> mode{};
  std::array<char, 8> uid{};
  std::array<char, 8> gid{};
  std::array<char, 12> size{};
  std::array<char, 12> mtime{};
  std::array<char, 8> checksum{};
  char type = '0';
  std::array<char, 100> link{};
  std::array<char, 6> magic{'u', 's', 't', 'a', 'r', '\0'};
  std::array<char, 2> version{'0', '0'};
  std::array<char, 32> user{};
  std::array<char, 32> group{};
  std::array<char, 8> major{};
  std::array<char, 8> minor{};
  std::array<char, 155> prefix{};
  std::array<char, 12> padding{};
};
static_assert(sizeof(Header) == kBlock);

// Octal digits, as many as there is room for, and a NUL.
void put_number(std::span<char> field, std::uint64_t value) {
  field.back() = '\0';
  for (std::size_t i = field.size() - 1; i-- > 0; value /= 8) {
    field[i] = static_cast<char>('0' + value % 8);
  }
}

std::string_view bytes(const Header& header) {
  return {reinterpret_cast<const char*>(&header), sizeof header};
}

Header make_header(std::string_view name, char type, std::size_t size, std::uint64_t time) {
  Header header;
  std::copy_n(name.begin(), std::min(name.size(), header.name.size()), header.name.begin());
  put_number(header.mode, 0600);
  put_number(header.uid, 0);
  put_number(header.gid, 0);
  put_number(header.size, size);
  put_number(header.mtime, time);
  header.type = type;
  header.checksum.fill(' ');
  std::uint64_t sum = 0;
  for (const char byte : bytes(header)) {
    sum += static_cast<unsigned char>(byte);
  }
  put_number(std::span{header.checksum}.first(7), sum);
  return header;
}

// "27 path=NAME\n", whose number is the length of the whole, itself included.
std::string pax_record(std::string_view name) {
  const std::string rest = " path=" + std::string{name} + "\n";
  std::size_t size = rest.size() + 1;
  while (std::to_string(size).size() + rest.size() != size) {
    size = std::to_string(size).size() + rest.size();
  }
  return std::to_string(size) + rest;
}

bool is_plain(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-';
}

}  // namespace

std::string safe_name(std::string_view name) {
  name = name.substr(0, kMostName);
  std::string safe;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('/'), name.size());
    std::string part{name.substr(0, end)};
    name.remove_prefix(std::min(end + 1, name.size()));
    std::ranges::replace_if(part, [](char byte) { return !is_plain(byte); }, '_');
    // No hidden file, no option of whoever unpacks it, and no way up.
    if (!part.empty() && (part.front() == '.' || part.front() == '-')) {
      part.front() = '_';
    }
    if (!part.empty()) {
      safe += (safe.empty() ? "" : "/") + part;
    }
  }
  return safe.empty() ? "_" : safe;
}

class Archive::Compressor {
 public:
  explicit Compressor(Sink sink) : sink_{std::move(sink)} {
    constexpr int kGzipWindow = 16 + MAX_WBITS;  // + 16: a gzip header and trailer, not zlib's
    constexpr int kMemory = 8;                   // zlib's default
    // Rules of 5,000 Services: a third of the time of the default level, at 1.4 times its size.
    ready_ = deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemory,
                          Z_DEFAULT_STRATEGY) == Z_OK;
  }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  ~Compressor() {
    if (ready_) {
      deflateEnd(&stream_);
    }
  }

  [[nodiscard]] Result<void> add(std::string_view piece) {
    while (!piece.empty()) {
      const std::string_view part = piece.substr(0, kMostPiece);
      if (Result<void> added = run(part, Z_NO_FLUSH); !added) {
        return added;
      }
      piece.remove_prefix(part.size());
    }
    return {};
  }
  [[nodiscard]] Result<void> finish() { return run({}, Z_FINISH); }

 private:
  [[nodiscard]] Result<void> run(std::string_view piece, int flush) {
    if (!ready_) {
      return fail(ErrorKind::internal, "zlib: no memory");
    }
    // zlib does not write to its input; z_const is empty unless the library was built otherwise.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
      stream_.avail_out = static_cast<uInt>(buffer_.size());
      if (deflate(&stream_, flush) == Z_STREAM_ERROR) {
        return fail(ErrorKind::internal, "zlib: broken stream");
      }
      const std::size_t size = buffer_.size() - stream_.avail_out;
      if (size > 0) {
        if (Result<void> written = sink_({buffer_.data(), size}); !written) {
          return written;
        }
      }
    } while (stream_.avail_out == 0);
    return {};
  }

  Sink sink_;
  z_stream stream_{};
  bool ready_ = false;
  std::array<char, std::size_t{64} << 10U> buffer_;
};

Archive::Archive(Sink sink, std::uint64_t time)
    : compressor_{std::make_unique<Compressor>(std::move(sink))}, time_{time} {}

Archive::~Archive() = default;

Result<void> Archive::add(std::string_view name, std::string_view content) {
  const std::string safe = safe_name(name);
  if (safe.size() > Header{}.name.size()) {
    if (Result<void> added = add_entry("pax", 'x', pax_record(safe)); !added) {
      return added;
    }
  }
  return add_entry(safe, '0', content);
}

Result<void> Archive::add_entry(std::string_view name, char type, std::string_view content) {
  static constexpr std::array<char, kBlock> kZeros{};
  // Eleven octal digits.
  if (content.size() >> 33U != 0) {
    return fail(ErrorKind::internal, "archive: a file of more than 8 GiB");
  }
  const Header header = make_header(name, type, content.size(), time_);
  const std::size_t padding = (kBlock - content.size() % kBlock) % kBlock;
  for (const std::string_view piece :
       {bytes(header), content, std::string_view{kZeros.data(), padding}}) {
    if (Result<void> added = compressor_->add(piece); !added) {
      return added;
    }
  }
  return {};
}

Result<void> Archive::finish() {
  static constexpr std::array<char, 2 * kBlock> kEnd{};
  if (Result<void> added = compressor_->add({kEnd.data(), kEnd.size()}); !added) {
    return added;
  }
  return compressor_->finish();
}

}  // namespace kubecliff::evidence
