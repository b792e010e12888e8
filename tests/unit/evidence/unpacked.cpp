#include "tests/unit/evidence/unpacked.h"

#include <zlib.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>

namespace kubecliff::test {
namespace {

constexpr std::size_t kBlock = 512;

std::string inflated(std::string_view archive) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
    throw std::runtime_error{"zlib"};
  }
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(archive.data()));
  stream.avail_in = static_cast<uInt>(archive.size());
  std::string out;
  std::array<char, 65536> buffer{};
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = buffer.size();
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END) {
    throw std::runtime_error{"no gzip stream"};
  }
  return out;
}

std::size_t octal(std::string_view field) {
  return std::strtoul(std::string{field}.c_str(), nullptr, 8);
}

std::string text(std::string_view field) {
  return std::string{field.substr(0, field.find('\0'))};
}

}  // namespace

std::string Unpacked::file(std::string_view name) const {
  for (const auto& [path, content] : files) {
    if (path.substr(path.find('/') + 1) == name) {
      return content;
    }
  }
  return {};
}

Unpacked unpack(std::string_view archive) {
  const std::string tar = inflated(archive);
  Unpacked unpacked;
  std::string long_name;
  for (std::size_t at = 0; at + kBlock <= tar.size();) {
    const std::string_view header = std::string_view{tar}.substr(at, kBlock);
    if (header[0] == '\0') {
      return unpacked;
    }
    std::size_t sum = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
      sum += i >= 148 && i < 156 ? std::size_t{' '} : static_cast<unsigned char>(header[i]);
    }
    if (sum != octal(header.substr(148, 8))) {
      throw std::runtime_error{"checksum of a header"};
    }
    const std::size_t size = octal(header.substr(124, 12));
    const std::string content = tar.substr(at + kBlock, size);
    if (header[156] == 'x') {
      const std::string path = content.substr(content.find("path=") + 5);
      long_name = path.substr(0, path.find('\n'));
    } else {
      unpacked.files.emplace_back(long_name.empty() ? text(header.substr(0, 100)) : long_name,
                                  content);
      long_name.clear();
    }
    at += kBlock + (size + kBlock - 1) / kBlock * kBlock;
  }
  throw std::runtime_error{"no end"};
}

}  // namespace kubecliff::test
