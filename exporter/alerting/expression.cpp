#include "exporter/alerting/expression.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "exporter/config/values.h"

namespace kubecliff {
namespace {

// As deep as parentheses may stand in one another.
constexpr int kDeepest = 32;

enum class Type : std::uint8_t { number, instant, range };

std::string_view name(Type type) {
  constexpr std::array<std::string_view, 3> kNames{"a number", "a selector without a range",
                                                   "a selector with a range"};
  return kNames[static_cast<std::size_t>(type)];
}

struct FunctionSpec {
  std::string_view name;
  Function function;
  Type gives;
  std::array<Type, 2> takes;
  std::size_t arguments;
};

constexpr std::array kFunctions{
    FunctionSpec{"rate", Function::rate, Type::instant, {Type::range}, 1},
    FunctionSpec{"increase", Function::increase, Type::instant, {Type::range}, 1},
    FunctionSpec{"delta", Function::delta, Type::instant, {Type::range}, 1},
    FunctionSpec{"max_over_time", Function::max_over_time, Type::instant, {Type::range}, 1},
    FunctionSpec{
        "predict_linear", Function::predict_linear, Type::instant, {Type::range, Type::number}, 2},
    FunctionSpec{"histogram_quantile",
                 Function::histogram_quantile,
                 Type::instant,
                 {Type::number, Type::instant},
                 2},
    FunctionSpec{"time", Function::time, Type::number, {}, 0},
};

constexpr std::array<std::pair<std::string_view, Aggregation>, 3> kAggregations{
    {{"sum", Aggregation::sum}, {"max", Aggregation::max}, {"min", Aggregation::min}}};

struct OperatorSpec {
  std::string_view text;
  Operator operation;
  int precedence;
};

// Of two that begin alike the longer one first.
constexpr std::array kOperators{
    OperatorSpec{"or", Operator::set_or, 1},         OperatorSpec{"and", Operator::set_and, 2},
    OperatorSpec{"unless", Operator::set_unless, 2}, OperatorSpec{"==", Operator::equal, 3},
    OperatorSpec{"!=", Operator::not_equal, 3},      OperatorSpec{">=", Operator::at_least, 3},
    OperatorSpec{"<=", Operator::at_most, 3},        OperatorSpec{">", Operator::above, 3},
    OperatorSpec{"<", Operator::below, 3},           OperatorSpec{"+", Operator::plus, 4},
    OperatorSpec{"-", Operator::minus, 4},           OperatorSpec{"*", Operator::times, 5},
    OperatorSpec{"/", Operator::divided_by, 5},
};

// Of two that begin alike the longer one first.
constexpr std::array<std::pair<std::string_view, Matcher::Kind>, 4> kMatchers{
    {{"=~", Matcher::Kind::matches},
     {"!~", Matcher::Kind::matches_not},
     {"!=", Matcher::Kind::not_equal},
     {"=", Matcher::Kind::equal}}};

bool is_name_byte(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || byte == '_' || byte == ':';
}

bool is_word(std::string_view text) {
  return is_name_byte(text.front());
}

struct Typed {
  ExpressionPtr expression;
  Type type{};
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_{text} {}

  Result<ExpressionPtr> whole() {
    auto parsed = binary(1);
    if (!parsed) {
      return std::unexpected(parsed.error());
    }
    skip_space();
    if (at_ != text_.size()) {
      return wrong("an operator or the end");
    }
    if (parsed->type == Type::range) {
      return wrong("no range outside of a function");
    }
    return std::move(parsed->expression);
  }

 private:
  using Parsed = Result<Typed>;

  [[nodiscard]] std::unexpected<Error> wrong(std::string_view expected) const {
    const std::string_view got = text_.substr(at_, 16);
    return fail(ErrorKind::malformed,
                "at " + std::to_string(at_ + 1) + ": expected " + std::string{expected} + ", got " +
                    (got.empty() ? "the end" : "\"" + std::string{got} + "\""));
  }

  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\n", at_), text_.size()); }

  // A word only where it ends there.
  [[nodiscard]] bool next_is(std::string_view token) {
    skip_space();
    const std::string_view rest = text_.substr(at_);
    const bool goes_on = rest.size() > token.size() && is_name_byte(rest[token.size()]);
    return rest.starts_with(token) && (!is_word(token) || !goes_on);
  }

  bool take(std::string_view token) {
    const bool there = next_is(token);
    at_ += there ? token.size() : 0;
    return there;
  }

  // Empty where there is none.
  std::string take_name() {
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_name_byte(text_[at_])) {
      ++at_;
    }
    return std::string{text_.substr(begin, at_ - begin)};
  }

  // Nothing where there is none. A backslash takes away what the next byte means.
  std::optional<std::string> take_string() {
    if (!take("\"")) {
      return std::nullopt;
    }
    std::string value;
    while (at_ < text_.size() && text_[at_] != '"') {
      at_ += text_[at_] == '\\' && at_ + 1 < text_.size() ? std::size_t{1} : 0;
      value += text_[at_++];
    }
    if (at_ == text_.size()) {
      return std::nullopt;
    }
    ++at_;
    return value;
  }

  Result<std::vector<std::string>> label_list() {
    std::vector<std::string> labels;
    if (!take("(")) {
      return wrong("( and names of labels");
    }
    do {
      labels.push_back(take_name());
      if (labels.back().empty()) {
        return wrong("the name of a label");
      }
    } while (take(","));
    if (!take(")")) {
      return wrong(")");
    }
    return labels;
  }

  const OperatorSpec* next_operator(int least_precedence) {
    const auto* found = std::ranges::find_if(
        kOperators, [this](const OperatorSpec& spec) { return next_is(spec.text); });
    return found == kOperators.end() || found->precedence < least_precedence ? nullptr : &*found;
  }

  Parsed binary(int least_precedence) {
    Parsed left = primary();
    while (left) {
      const OperatorSpec* spec = next_operator(least_precedence);
      if (spec == nullptr) {
        break;
      }
      at_ += spec->text.size();
      Binary joined{.operation = spec->operation};
      if (take("ignoring")) {
        auto labels = label_list();
        if (!labels) {
          return std::unexpected(labels.error());
        }
        joined.ignoring = std::move(*labels);
      }
      auto right = binary(spec->precedence + 1);
      if (!right) {
        return right;
      }
      left = join(std::move(joined), std::move(*left), std::move(*right));
    }
    return left;
  }

  [[nodiscard]] Parsed join(Binary joined, Typed left, Typed right) const {
    if (left.type == Type::range || right.type == Type::range) {
      return wrong("no range outside of a function");
    }
    const bool numbers = left.type == Type::number && right.type == Type::number;
    const bool any_number = left.type == Type::number || right.type == Type::number;
    if (joined.operation < Operator::plus && numbers) {
      return wrong("something of a metric to compare");
    }
    if ((joined.operation <= Operator::set_unless || !joined.ignoring.empty()) && any_number) {
      return wrong("something of a metric on both sides");
    }
    joined.left = std::move(left.expression);
    joined.right = std::move(right.expression);
    return made(std::move(joined), numbers ? Type::number : Type::instant);
  }

  template <typename Node>
  static Typed made(Node node, Type type) {
    return {.expression = std::make_shared<const Expression>(std::move(node)), .type = type};
  }

  Parsed primary() {
    if (depth_ == kDeepest) {
      return wrong("less deep an expression");
    }
    ++depth_;
    Parsed parsed = primary_here();
    --depth_;
    return parsed;
  }

  Parsed primary_here() {
    if (take("(")) {
      Parsed inner = binary(1);
      if (inner && !take(")")) {
        return wrong(")");
      }
      return inner;
    }
    skip_space();
    const std::size_t digits = text_.find_first_not_of("0123456789.", at_);
    if (digits != at_ && at_ != text_.size()) {
      const auto number = parse_number(text_.substr(at_, digits - at_));
      if (!number) {
        return wrong("a number");
      }
      at_ = std::min(digits, text_.size());
      return made(*number, Type::number);
    }

    const std::size_t begin = at_;
    const std::string word = take_name();
    if (const auto* found = std::ranges::find(kAggregations, word,
                                              &std::pair<std::string_view, Aggregation>::first);
        found != kAggregations.end()) {
      return aggregate(found->second);
    }
    if (const auto* found = std::ranges::find(kFunctions, word, &FunctionSpec::name);
        found != kFunctions.end()) {
      return call(*found);
    }
    if (word.empty() || next_is("(")) {
      at_ = begin;
      return wrong("a metric, a number, a known function or aggregation, or (");
    }
    return selector(word);
  }

  Parsed aggregate(Aggregation aggregation) {
    if (!take("without")) {
      return wrong("without (…): whatever is aggregated, nodes are not");
    }
    auto labels = label_list();
    if (!labels) {
      return std::unexpected(labels.error());
    }
    if (!take("(")) {
      return wrong("(");
    }
    auto of = binary(1);
    if (!of) {
      return of;
    }
    if (of->type != Type::instant) {
      return wrong("something of a metric to aggregate");
    }
    return take(")") ? Parsed{made(Aggregate{.aggregation = aggregation,
                                             .without = std::move(*labels),
                                             .of = std::move(of->expression)},
                                   Type::instant)}
                     : Parsed{wrong(")")};
  }

  Parsed call(const FunctionSpec& spec) {
    if (!take("(")) {
      return wrong("(");
    }
    Call call{.function = spec.function, .arguments = {}};
    for (const Type type : std::span{spec.takes}.first(spec.arguments)) {
      if (!call.arguments.empty() && !take(",")) {
        return wrong(",");
      }
      auto argument = binary(1);
      if (!argument) {
        return argument;
      }
      if (argument->type != type) {
        return wrong(name(type));
      }
      call.arguments.push_back(std::move(argument->expression));
    }
    return take(")") ? Parsed{made(std::move(call), spec.gives)} : Parsed{wrong(")")};
  }

  Parsed selector(std::string metric) {
    Selector selector{.metric = std::move(metric), .matchers = {}};
    if (take("{")) {
      do {
        auto matcher = this->matcher();
        if (!matcher) {
          return std::unexpected(matcher.error());
        }
        selector.matchers.push_back(std::move(*matcher));
      } while (take(","));
      if (!take("}")) {
        return wrong("}");
      }
    }
    if (take("[")) {
      const std::size_t end = std::min(text_.find(']', at_), text_.size());
      const auto range = parse_duration(text_.substr(at_, end - at_));
      if (!range || *range == Duration::zero() || end == text_.size()) {
        return wrong("a duration such as 5m and ]");
      }
      selector.range = *range;
      at_ = end + 1;
    }
    const Type type = selector.range == Duration::zero() ? Type::instant : Type::range;
    return made(std::move(selector), type);
  }

  Result<Matcher> matcher() {
    Matcher matcher{.label = take_name()};
    const auto* kind =
        std::ranges::find_if(kMatchers, [this](const auto& pair) { return next_is(pair.first); });
    if (matcher.label.empty() || kind == kMatchers.end()) {
      return wrong("a label and one of = != =~ !~");
    }
    at_ += kind->first.size();
    matcher.kind = kind->second;
    auto value = take_string();
    if (!value) {
      return wrong("a text in double quotes");
    }
    matcher.value = std::move(*value);
    if (matcher.kind == Matcher::Kind::matches || matcher.kind == Matcher::Kind::matches_not) {
      try {
        matcher.pattern.assign(matcher.value);
      } catch (const std::regex_error&) {
        return wrong("a regular expression before this");
      }
    }
    return matcher;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

void find_selectors(const Expression& expression, std::vector<const Selector*>& found) {
  struct Visit {
    std::vector<const Selector*>& found;

    void operator()(double) const {}
    void operator()(const Selector& selector) const { found.push_back(&selector); }
    void operator()(const Call& call) const {
      for (const ExpressionPtr& argument : call.arguments) {
        find_selectors(*argument, found);
      }
    }
    void operator()(const Aggregate& aggregate) const { find_selectors(*aggregate.of, found); }
    void operator()(const Binary& binary) const {
      find_selectors(*binary.left, found);
      find_selectors(*binary.right, found);
    }
  };
  std::visit(Visit{found}, expression.node);
}

}  // namespace

bool Matcher::accepts(std::string_view text) const {
  switch (kind) {
    case Kind::equal:
      return text == value;
    case Kind::not_equal:
      return text != value;
    case Kind::matches:
      return std::regex_match(text.begin(), text.end(), pattern);
    case Kind::matches_not:
      break;
  }
  return !std::regex_match(text.begin(), text.end(), pattern);
}

Result<ExpressionPtr> parse_expression(std::string_view text) {
  return Parser{text}.whole();
}

std::vector<const Selector*> selectors(const Expression& expression) {
  std::vector<const Selector*> found;
  find_selectors(expression, found);
  return found;
}

}  // namespace kubecliff
