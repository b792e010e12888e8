#include "exporter/config/config_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace kubecliff {
namespace {

// An anchor that holds an alias to itself makes a tree without a bottom.
constexpr int kDeepest = 8;

Result<std::string> read_text(const std::filesystem::path& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream{std::fopen(file.c_str(), "re"),
                                                               &std::fclose};
  if (stream == nullptr) {
    return fail_errno(errno, file.string());
  }

  std::string text;
  std::array<char, 4096> piece{};
  while (std::feof(stream.get()) == 0 && std::ferror(stream.get()) == 0) {
    text.append(piece.data(), std::fread(piece.data(), 1, piece.size(), stream.get()));
  }
  if (std::ferror(stream.get()) != 0) {
    return fail_errno(errno, file.string());
  }
  return text;
}

FileEntry entry_of(std::string key, int line, const YAML::Node& value) {
  FileEntry entry{.key = std::move(key), .line = line};
  if (value.IsScalar()) {
    entry.values.push_back(value.Scalar());
    return entry;
  }
  entry.form = FileEntry::Form::other;
  if (value.IsSequence() &&
      std::ranges::all_of(value, [](const YAML::Node& item) { return item.IsScalar(); })) {
    entry.form = FileEntry::Form::list;
    for (const YAML::Node& item : value) {
      entry.values.push_back(item.Scalar());
    }
  }
  return entry;
}

bool is_list_of_maps(const YAML::Node& value) {
  return value.IsSequence() && value.size() > 0 &&
         std::ranges::all_of(value, [](const YAML::Node& item) { return item.IsMap(); });
}

// Where a document has its first node. What is in it is for YAML::Load() to say.
class FirstNode final : public YAML::EventHandler {
 public:
  [[nodiscard]] int line() const { return line_; }

  void OnDocumentStart(const YAML::Mark& mark) override { line_ = mark.line + 1; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { take(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { take(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    take(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    take(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    take(mark);
  }
  void OnMapEnd() override {}

 private:
  void take(const YAML::Mark& mark) {
    line_ = seen_ ? line_ : mark.line + 1;
    seen_ = true;
  }

  int line_ = 0;
  bool seen_ = false;
};

// Where the text has another one. No more are asked for: of some texts that are no YAML, yaml-cpp
// 0.7 makes documents without end, and YAML::LoadAll() all of them.
std::optional<int> line_of_second_document(const std::string& text) {
  std::istringstream stream{text};
  YAML::Parser parser{stream};
  FirstNode first;
  FirstNode second;
  const bool two = parser.HandleNextDocument(first) && parser.HandleNextDocument(second);
  return two ? std::optional{second.line()} : std::nullopt;
}

class Walk {
 public:
  Walk(std::string_view name, const EntryVisitor& visit) : name_{name}, visit_{visit} {}

  Result<void> map(const YAML::Node& node, const std::string& prefix, int depth) {
    for (const auto& pair : node) {
      const YAML::Node& name = pair.first;
      const YAML::Node& value = pair.second;
      const int line = name.Mark().line + 1;
      if (!name.IsScalar()) {
        return at(line, "expected a key, got a list or a map");
      }
      const std::string key = prefix + name.Scalar();
      if (value.IsMap()) {
        if (depth == kDeepest) {
          return at(line, key + ": expected a value, got maps in maps without end");
        }
        if (auto inner = map(value, key + ".", depth + 1); !inner) {
          return inner;
        }
        continue;
      }

      const auto [known, is_new] = lines_.emplace(key, line);
      if (!is_new) {
        return at(line, key + ": expected once, got it on line " + std::to_string(known->second) +
                            " too");
      }
      if (auto visited = visit(key, line, value); !visited) {
        return visited;
      }
    }
    return {};
  }

  [[nodiscard]] std::unexpected<Error> at(int line, std::string_view what) const {
    return fail(ErrorKind::malformed,
                name_ + ":" + std::to_string(line) + ": " + std::string{what});
  }

 private:
  Result<void> visit(const std::string& key, int line, const YAML::Node& value) {
    if (!is_list_of_maps(value)) {
      return say(entry_of(key, line, value));
    }
    for (const YAML::Node& item : value) {
      FileEntry entry{
          .key = key, .line = item.Mark().line + 1, .form = FileEntry::Form::record, .values = {}};
      for (const auto& field : item) {
        if (!field.first.IsScalar() || !field.second.IsScalar()) {
          return at(field.first.Mark().line + 1, key + ": expected maps of keys to single values");
        }
        entry.fields.emplace_back(field.first.Scalar(), field.second.Scalar());
      }
      if (auto said = say(entry); !said) {
        return said;
      }
    }
    return {};
  }

  Result<void> say(const FileEntry& entry) {
    const std::string wrong = visit_(entry);
    return wrong.empty() ? Result<void>{} : at(entry.line, wrong);
  }

  std::string name_;
  const EntryVisitor& visit_;
  std::map<std::string, int> lines_;
};

}  // namespace

Result<void> visit_config_file(const std::filesystem::path& file, const EntryVisitor& visit) {
  const auto text = read_text(file);
  if (!text) {
    return std::unexpected(text.error());
  }
  return visit_config_text(*text, file.string(), visit);
}

Result<void> visit_config_text(std::string_view text, std::string_view name,
                               const EntryVisitor& visit) {
  Walk walk{name, visit};
  try {
    const std::string whole{text};
    if (const auto line = line_of_second_document(whole)) {
      return walk.at(*line, "expected one YAML document, got another");
    }
    const YAML::Node document = YAML::Load(whole);
    if (document.IsNull()) {
      return {};
    }
    if (!document.IsMap()) {
      return walk.at(document.Mark().line + 1, "expected a map of settings");
    }
    return walk.map(document, "", 1);
  } catch (const YAML::Exception& error) {
    return walk.at(error.mark.line + 1, "expected YAML, got an error: " + error.msg);
  }
}

}  // namespace kubecliff
