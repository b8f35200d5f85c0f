#include "command_line.hpp"

#include <algorithm>

#include <patio/value/integer.hpp>
#include <patio/value/literal.hpp>

namespace patio::apps {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// True for "-x..." and "--x...", but not for the numbers -inf and -nan.
bool looks_like_option(std::string_view word) {
  std::size_t dashes = word.starts_with("--") ? 2 : word.starts_with('-') ? 1 : 0;
  return dashes > 0 && word.size() > dashes && is_letter(word[dashes]) && !parse_literal(word);
}

/// Returns what is wrong with a number, or nothing if the value is right or the option takes text.
const char* number_fault(const CLI::Option& option, const std::string& text) {
  auto type = option.get_type_name();
  bool whole = type.starts_with("UINT"), real = type.starts_with("FLOAT") || type == "SECONDS";
  if (!whole && !real) return nullptr;
  const auto* characters = whole ? "0123456789" : "0123456789+-.eE";
  auto number = parse_literal(text);
  bool decimal = number && text.find_first_not_of(characters) == std::string::npos;
  if (real) return decimal ? nullptr : "takes a decimal number";
  bool fits = decimal && number->as_integer() <= integer::from_unsigned(~std::uint64_t{0});
  return fits ? nullptr : "takes a whole number from 0 to 18446744073709551615, in decimal";
}

class command_line {
public:
  command_line(CLI::App& app, std::vector<std::string> words)
      : root_{app}, app_{&app}, words_{std::move(words)} {}

  void parse() {
    while (next_ < words_.size()) take(words_[next_++]);
    std::ranges::reverse(others_); // CLI11 takes the words from the back
    root_.parse(others_);
    if (!unexpected_.empty()) throw CLI::ExtrasError(unexpected_);
  }

private:
  void take(const std::string& word) {
    if (after_dashes_) return positional(word);
    if (looks_like_option(word)) return option(word);
    if (app_->get_require_subcommand_min() > 0) return subcommand(word);
    if (word != "--") return positional(word);
    after_dashes_ = true;
  }

  void subcommand(const std::string& word) {
    auto named = [&](const CLI::App* sub) { return sub->get_name() == word; };
    auto found = app_->get_subcommands(named);
    (word == "--" ? unexpected_ : others_).push_back(word);
    if (!found.empty()) app_ = found.front();
  }

  void option(const std::string& word) {
    auto equals = word.find('=');
    auto name = word.substr(0, equals);
    auto* found = app_->get_option_no_throw(name);
    bool is_flag = found != nullptr && found->get_items_expected_max() == 0;
    if (is_flag && equals != std::string::npos) throw CLI::ValidationError(name, "takes no value");
    bool alone = equals == std::string::npos && next_ == words_.size();
    if (found == nullptr || is_flag || alone) return others_.push_back(word); // CLI11 reports it
    add(*found, name, equals == std::string::npos ? words_[next_++] : word.substr(equals + 1));
  }

  static void add(CLI::Option& option, const std::string& name, const std::string& value) {
    if (value.empty()) throw CLI::ValidationError(name, "the value is empty");
    if (const auto* fault = number_fault(option, value))
      throw CLI::ValidationError(name, std::string{fault} + ", not '" + value + "'");
    option.allow_extra_args(false)->add_result(value);
  }

  void positional(const std::string& word) {
    auto takes = [](const CLI::Option* option) {
      return option->get_positional()
             && option->count() < static_cast<std::size_t>(option->get_items_expected_max());
    };
    auto free = app_->get_options(takes);
    if (free.empty()) return unexpected_.push_back(word);
    free.front()->allow_extra_args(false)->add_result(word);
  }

  CLI::App& root_;
  CLI::App* app_; ///< the innermost subcommand so far
  std::vector<std::string> words_;
  std::size_t next_ = 0;
  bool after_dashes_ = false;
  std::vector<std::string> others_;     ///< subcommands, flags and unknown options, for CLI11
  std::vector<std::string> unexpected_; ///< arguments that no subcommand takes
};

} // namespace

void parse_command_line(CLI::App& app, int argc, const char* const* argv) {
  command_line{app, {argv + std::min(argc, 1), argv + argc}}.parse();
}

} // namespace patio::apps
