#include "python_loader.hpp"

#include <set>

namespace patio::tests {
namespace {

/// Exceptions of every Python since 3.8. Their constructors take any arguments, a caller can catch
/// them, and a future accepts them.
const std::set<std::string, std::less<>> plain_exceptions{"ArithmeticError",
                                                          "AssertionError",
                                                          "AttributeError",
                                                          "BufferError",
                                                          "BytesWarning",
                                                          "EOFError",
                                                          "DeprecationWarning",
                                                          "Exception",
                                                          "FloatingPointError",
                                                          "FutureWarning",
                                                          "ImportError",
                                                          "ImportWarning",
                                                          "IndexError",
                                                          "KeyError",
                                                          "LookupError",
                                                          "MemoryError",
                                                          "NameError",
                                                          "OverflowError",
                                                          "NotImplementedError",
                                                          "PendingDeprecationWarning",
                                                          "ReferenceError",
                                                          "RecursionError",
                                                          "ResourceWarning",
                                                          "RuntimeError",
                                                          "RuntimeWarning",
                                                          "SyntaxWarning",
                                                          "SystemError",
                                                          "TypeError",
                                                          "ModuleNotFoundError",
                                                          "UnboundLocalError",
                                                          "UnicodeError",
                                                          "UnicodeWarning",
                                                          "UserWarning",
                                                          "ValueError",
                                                          "Warning",
                                                          "ZeroDivisionError"};
/// Exceptions like plain_exceptions, whose constructors take up to five arguments. The third
/// argument of BlockingIOError must not be a number: CPython would convert the number to a count of
/// bytes, which can fail.
const std::set<std::string, std::less<>> os_exceptions{"OSError",
                                                       "BlockingIOError",
                                                       "BrokenPipeError",
                                                       "ChildProcessError",
                                                       "ConnectionAbortedError",
                                                       "ConnectionError",
                                                       "ConnectionRefusedError",
                                                       "ConnectionResetError",
                                                       "FileExistsError",
                                                       "FileNotFoundError",
                                                       "InterruptedError",
                                                       "IsADirectoryError",
                                                       "NotADirectoryError",
                                                       "PermissionError",
                                                       "ProcessLookupError",
                                                       "TimeoutError"};

} // namespace

void python_loader::require(bool holds, const std::string& otherwise) {
  if (!holds) throw unloadable{otherwise};
}

std::string python_loader::complaint(std::string_view payload, frame f) {
  try {
    auto made = python_loader{payload}.load();
    if (f == frame::error && made.type != kind::exception)
      return "raises something other than an exception";
    if (f == frame::request && made.type != kind::call) return "is not a CallRequest";
    if (f != frame::request && made.type == kind::call) return "is a CallRequest";
    if (made.type == kind::cls) return "is a class";
    return {};
  } catch (const unloadable& e) {
    return e.what();
  }
}

python_loader::object python_loader::load() {
  for (;;) {
    auto opcode = static_cast<unsigned char>(take(1)[0]);
    if (opcode == '.') break;
    require(step(opcode), "has opcode " + std::to_string(opcode) + ", which a peer should not get");
  }
  require(stack_.size() == 1 && marks_.empty() && rest_.empty(), "leaves something over");
  return pop();
}

std::string_view python_loader::take(std::size_t n) {
  require(rest_.size() >= n, "is truncated");
  auto taken = rest_.substr(0, n);
  rest_.remove_prefix(n);
  return taken;
}

std::size_t python_loader::length(std::size_t bytes) {
  std::size_t n = 0;
  auto text = take(bytes);
  for (auto i = bytes; i-- > 0;) n = (n << 8) | static_cast<unsigned char>(text[i]);
  return n;
}

python_loader::object& python_loader::top() {
  require(stack_.size() > (marks_.empty() ? 0 : marks_.back()),
          "takes an item from an empty stack");
  return stack_.back();
}

python_loader::object python_loader::pop() {
  auto o = std::move(top());
  stack_.pop_back();
  return o;
}

std::vector<python_loader::object> python_loader::pop_to_mark() {
  require(!marks_.empty(), "has no MARK");
  auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<object> all(std::make_move_iterator(from), std::make_move_iterator(stack_.end()));
  stack_.erase(from, stack_.end());
  marks_.pop_back();
  return all;
}

void python_loader::skip_and_push(std::size_t bytes, kind type) {
  take(bytes);
  push(type);
}

void python_loader::push_memo(std::size_t index) {
  require(index < memo_.size(), "takes a missing memo entry");
  stack_.push_back(memo_[index]);
}

// Accepts surrogates, as Python's "surrogatepass" does. Checks lead and continuation bytes, but not
// all overlong forms.
void python_loader::push_text(std::size_t n) {
  auto text = take(n);
  std::size_t more = 0;
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    bool continues = (u & 0xc0) == 0x80;
    require(continues == (more > 0) && u != 0xc0 && u != 0xc1 && u < 0xf5,
            "has a text that is not UTF-8");
    more = continues ? more - 1 : u >= 0xf0 ? 3 : u >= 0xe0 ? 2 : u >= 0xc0 ? 1 : 0;
  }
  require(more == 0, "has a text that is not UTF-8");
  stack_.push_back({kind::text, true, true, std::string{text}});
}

void python_loader::push_tuple(std::vector<object> items) {
  object made{kind::tuple};
  for (const auto& i : items) {
    made.can_be_key = made.can_be_key && i.can_be_key;
    made.items.push_back(i.type);
    require(i.type != kind::cls, "has a class in it");
  }
  stack_.push_back(std::move(made));
}

void python_loader::push_small_tuple(std::size_t size) {
  std::vector<object> items(size);
  for (auto i = items.size(); i-- > 0;) items[i] = pop();
  push_tuple(std::move(items));
}

void python_loader::require_top(kind type, const std::string& otherwise) {
  require(top().type == type, otherwise);
}

void python_loader::add_keys(const std::vector<object>& all, std::size_t each) {
  require(all.size() % each == 0, "has a key without a value");
  for (std::size_t i = 0; i < all.size(); i += each) {
    require(all[i].can_be_key, "has a key that is not hashable");
    if (all[i].type != kind::text) top().texts_only = false;
  }
}

void python_loader::find_class() {
  auto name = pop(), module = pop();
  require(name.type == kind::text && module.type == kind::text,
          "names a class by something other than a text");
  auto path = module.text + "." + name.text;
  bool known = path == "patio.broker.tcp.broker.CallRequest"
               || path == "asyncio.exceptions.TimeoutError" || path == "builtins.complex"
               || path == "builtins.set" || path == "builtins.frozenset"
               || (module.text == "builtins"
                   && (plain_exceptions.contains(name.text) || os_exceptions.contains(name.text)));
  require(known, "names " + path);
  stack_.push_back({kind::cls, false, true, path});
}

void python_loader::make_exception(const std::string& path, const object& arguments) {
  auto name = path.substr(path.rfind('.') + 1);
  const auto& args = arguments.items;
  if (path.starts_with("builtins.") && os_exceptions.contains(name)) {
    bool counts =
      args.size() >= 3 && args.size() <= 5 && (args[2] == kind::number || args[2] == kind::integer);
    // OSError(11, ...) makes a BlockingIOError, so its arguments are checked as well.
    require(!counts || (name != "BlockingIOError" && name != "OSError"),
            "gives a BlockingIOError a number of bytes");
  }
  push(kind::exception);
}

void python_loader::reduce() {
  auto arguments = pop(), callee = pop();
  require(callee.type == kind::cls, "calls something other than a class");
  require(arguments.type == kind::tuple, "calls without a tuple of arguments");
  const auto& args = arguments.items;
  if (callee.text == "builtins.complex") {
    for (auto a : args)
      require(a == kind::number || a == kind::integer,
              "makes a complex of something other than a number");
    return push(kind::number);
  }
  if (callee.text == "builtins.set" || callee.text == "builtins.frozenset") {
    require(args.size() <= 1, "makes a set of several arguments");
    return push(callee.text == "builtins.set" ? kind::unhashable : kind::hashable);
  }
  require(!callee.text.ends_with("CallRequest"), "calls CallRequest");
  make_exception(callee.text, arguments);
}

void python_loader::build() {
  auto state = pop();
  require(state.type == kind::dict && state.texts_only, "has a state that is not a dict of names");
  require(top().type == kind::exception || top().type == kind::call,
          "gives a state to an object without one");
}

void python_loader::make_call_request() {
  auto arguments = pop(), cls = pop();
  require(cls.text == "patio.broker.tcp.broker.CallRequest" && arguments.items.empty(),
          "makes an object of " + cls.text);
  push(kind::call);
}

} // namespace patio::tests
