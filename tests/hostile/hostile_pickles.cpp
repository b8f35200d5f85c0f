#include "hostile_pickles.hpp"

#include "hex.hpp"

using namespace std::string_literals;

namespace patio::tests {
namespace {

std::string times(std::size_t n, std::string_view part) {
  std::string all;
  for (std::size_t i = 0; i < n; ++i) all += part;
  return all;
}

std::string stack_global(const std::string& module, const std::string& name) {
  auto text = [](const std::string& s) {
    return "\x8c" + std::string{static_cast<char>(s.size())} + s;
  };
  return "\x80\x04" + text(module) + text(name) + "\x93.";
}

/// Returns a value with 10^9 leaves in 216 bytes. The opcode `drop` removes each finished level
/// from the stack. If `drop` is empty, all levels stay on the stack and the pickle is invalid.
std::string billion_laughs(const std::string& drop) {
  auto pickle = from_hex("80048c036c6f6c94") + drop;
  for (int i = 0; i < 9; ++i)
    pickle += "(" + times(10, "h"s + static_cast<char>(i)) + "t\x94" + drop;
  return pickle + (drop.empty() ? "" : "h\x09") + ".";
}

constexpr auto accepted = outcome::accepted;
constexpr auto refused = outcome::refused;
constexpr auto within_budget = outcome::refused_within_budget;

std::vector<hostile_pickle> from_rows(const std::vector<std::pair<const char*, outcome>>& rows) {
  std::vector<hostile_pickle> all;
  for (auto [hex, expected] : rows) all.push_back({from_hex(hex), expected});
  return all;
}

void append(std::vector<hostile_pickle>& all, std::initializer_list<hostile_pickle> more) {
  all.insert(all.end(), more);
}

std::vector<hostile_pickle> beginnings() {
  return from_rows({{"", refused},
                    {"8004", refused},
                    {"80042e", refused},
                    {"80064e2e", refused},
                    {"80ff4e2e", refused}});
}

std::vector<hostile_pickle> lengths() {
  return from_rows({{"80048dffffffffffffff7f2e", refused},
                    {"80048dffffffffffffffff2e", refused},
                    {"80048e00000000000100002e", refused},
                    {"80059600000020000000002e", refused},
                    {"800442ffffffff2e", refused},
                    {"54ffffffff2e", refused},
                    {"80028bffffffff2e", refused},
                    {"80028bffffff7f2e", refused}});
}

std::vector<hostile_pickle> frames() {
  auto all = from_rows({{"800495ffffffffffffffff4e2e", refused},
                        {"80049500000000000100004e2e", refused},
                        {"80049500000000000000004e2e", accepted},
                        {"80049501000000000000004b012e", accepted},
                        {"80049503000000000000004a010000002e", accepted},
                        {"8004950c000000000000009502000000000000004b052e", accepted},
                        {"80039502000000000000004e2e", accepted}});
  append(all, {{"\x80\x04" + times(100'000, from_hex("950000000000000000")) + "N.", accepted}});
  return all;
}

std::vector<hostile_pickle> memos() {
  auto all = from_rows({{"5d72ffffff1f2e", accepted},
                        {"5d703939393939393939390a2e", accepted},
                        {"5d702d310a2e", refused},
                        {"8004682e", refused},
                        {"800468072e", refused},
                        {"673130303030303030303030303030303030303030300a2e", refused},
                        {"8004942e", refused},
                        {"4b057101304b06943068012e", accepted}});
  append(all, {{"N" + times(1'000'001, "\x94") + ".", within_budget}});
  return all;
}

std::vector<hostile_pickle> stacks() {
  auto all = from_rows({{"8004742e", refused},
                        {"8004302e", refused},
                        {"80044b014e612e", refused},
                        {"80047d5d4e732e", refused},
                        {"80047d284e752e", refused},
                        {"312e", refused},
                        {"4e4e2e", refused}});
  append(all, {{times(1'000'000, "(") + ".", within_budget},
               {"(N" + times(1'000'000, "2") + "t.", within_budget},
               {"(" + times(1'000'000, "}") + "t.", within_budget}});
  return all;
}

std::vector<hostile_pickle> depths() {
  auto value_error = "cbuiltins\nValueError\n"s;
  auto call = "cpatio.broker.tcp.broker\nCallRequest\n"s;
  constexpr std::size_t megabytes = 16 << 20;
  return {
    {"\x80\x04" + times(100'000, "]") + times(99'999, "a") + ".", within_budget},
    {"\x80\x04)" + times(100'000, "\x85") + ".", within_budget},
    {times(100'000, value_error) + ")" + times(100'000, "R\x85") + ".", within_budget},
    {times(100'000, call) + ")" + times(100'000, "\x81\x85") + ".", within_budget},
    {value_error + ")R" + times(100'000, "}") + times(100'000, "b") + ".", within_budget},
    {times(megabytes / 2, "]") + times(megabytes / 2 - 1, "a") + ".", within_budget},
    {")" + times(megabytes - 2, "\x85") + ".", within_budget},
    {times(megabytes / 24, value_error) + ")" + times(megabytes / 24, "R\x85") + ".",
     within_budget},
    {times(megabytes / 40, call) + ")" + times(megabytes / 40, "\x81\x85") + ".", within_budget},
    {value_error + ")R" + times(megabytes / 2 - 16, "}") + times(megabytes / 2 - 16, "b") + ".",
     within_budget},
    {value_error + "q\0)R"s
       + times(megabytes / 10, "q\1"
                               "0h\0h\1\x85R"s)
       + ".",
     within_budget},
    {")" + times(127, "\x85") + ".", accepted}};
}

std::vector<hostile_pickle> laughs() {
  return {{billion_laughs(""), refused}, {billion_laughs("0"), accepted}};
}

std::vector<hostile_pickle> cycles() {
  auto raised = "cbuiltins\nValueError\n"s;
  auto all = from_rows({{"80045d946800612e", refused},
                        {"80047d948c016b6800732e", refused},
                        {"80045d946800859461302e", refused}});
  append(all, {{"]\x94" + raised + "h\0\x85R\x94"s + "0h\1a0h\1."s, refused},
               {raised + ")R\x94h\0b."s, refused}});
  return all;
}

std::vector<hostile_pickle> globals() {
  auto all = from_rows({{"636f730a73797374656d0a2e", refused},
                        {"63706f7369780a73797374656d0a2e", refused},
                        {"6373756270726f636573730a506f70656e0a2e", refused},
                        {"80048c0673687574696c8c096f732e73797374656d932e", refused},
                        {"80044b014b02932e", refused},
                        {"28696f730a73797374656d0a2e", refused},
                        {"28636f730a73797374656d0a6f2e", refused},
                        {"800282012e", refused},
                        {"80028301002e", refused},
                        {"800284010000002e", refused},
                        {"50310a2e", refused},
                        {"80054b01512e", refused},
                        {"8005972e", refused},
                        {"80054e982e", refused}});
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"builtins", "ValueError.__class__"},
                                                        {"pickle", "loads"},
                                                        {"functools", "reduce"},
                                                        {"operator", "attrgetter"},
                                                        {"importlib", "import_module"},
                                                        {"pkgutil", "resolve_name"},
                                                        {"builtins ", "set"},
                                                        {"builtins\0"s, "set"},
                                                        {"builtins", "s\xd0\xb5t"},
                                                        {"builtins", "set\xed\xa0\x80"}})
    all.push_back({stack_global(module, name), refused});
  append(all, {{"\x80\x04\x8c\x02os\x94"
                "0\x8c\x06system\x94"
                "0h\0h\1\x93."s,
                refused}});
  return all;
}

std::vector<hostile_pickle> numbers() {
  auto all = from_rows({{"477ff00000000000012e", accepted},
                        {"4780000000000000002e", accepted},
                        {"4affffffff2e", accepted}});
  append(all, {{"L" + times(100'000, "9") + "L\n.", refused},
               {"\x80\x02\x8b\0\0\x10\0"s + std::string(1 << 20, '\x7f') + ".", refused}});
  for (auto line : {"I01", "I00", "Fnan", "Finf"}) all.push_back({line + "\n."s, accepted});
  for (auto line : {"I+5", "I1_0", "I 5", "I0x10", "F1e999"})
    all.push_back({line + "\n."s, refused});
  return all;
}

std::vector<hostile_pickle> texts() {
  auto all = from_rows({{"80048c02fffe2e", refused}, {"80048c03eda0802e", accepted}});
  append(all, {{"V\\uD800\n.", accepted},
               {"S'a\"\n.", refused},
               {"S'a\n.", refused},
               {"U\2\x61\xe9.", refused}});
  return all;
}

std::vector<hostile_pickle> states() {
  auto raised = "cbuiltins\nValueError\n)R"s;
  return {{raised + "}(Vargs\n(I1\ntV__class__\nI2\nub.", accepted},
          {raised
             + "N}(Vargs\nI1\nu\x86"
               "b.",
           refused},
          {raised + "(I1\nlb.", refused}};
}

std::vector<hostile_pickle> twos() {
  return from_rows(
    {{"80044e2e80044b012e", accepted}, {"80045d80044e612e", accepted}, {"4e80024e2e", refused}});
}

} // namespace

std::vector<hostile_pickle> hostile_pickles(int number) {
  switch (number) {
  case 1: return beginnings();
  case 2: return lengths();
  case 3: return frames();
  case 4: return memos();
  case 5: return stacks();
  case 6: return depths();
  case 7: return laughs();
  case 8: return cycles();
  case 9: return globals();
  case 10: return numbers();
  case 11: return texts();
  case 12: return states();
  case 13: return twos();
  default: return {};
  }
}

} // namespace patio::tests
