#include "python_loader.hpp"

#include <set>

namespace patio::tests {
namespace {

/// In every Python since 3.8, with constructors that take any arguments, and neither raised through
/// a caller nor refused by a future.
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
/// The same with up to five arguments, of which the third of BlockingIOError must not be a number
/// that is no small int.
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

std::string python_loader::complaint(std::string_view payload, as what) {
  try {
    auto made = python_loader{payload}.load();
    if (what == as::error && made.what != kind::exception) return "raises what is no exception";
    if (what == as::request && made.what != kind::call) return "is no CallRequest";
    if (what != as::request && made.what == kind::call) return "is a CallRequest";
    if (made.what == kind::cls) return "is a class";
    return {};
  } catch (const unloadable& e) {
    return e.what();
  }
}

python_loader::object python_loader::load() {
  for (;;) {
    auto opcode = static_cast<unsigned char>(take(1)[0]);
    if (opcode == '.') break;
    require(step(opcode),
            "opcode " + std::to_string(opcode) + " is not one that a peer should get");
  }
  require(stack_.size() == 1 && marks_.empty() && rest_.empty(), "ends with something left");
  return pop();
}

std::string_view python_loader::take(std::size_t n) {
  require(rest_.size() >= n, "is cut short");
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
  require(stack_.size() > (marks_.empty() ? 0 : marks_.back()), "takes what is not there");
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

// UTF-8 with surrogates is what "surrogatepass" takes; the lead and continuation bytes are checked,
// not every overlong form.
void python_loader::push_text(std::size_t n) {
  auto text = take(n);
  std::size_t more = 0;
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    bool continues = (u & 0xc0) == 0x80;
    require(continues == (more > 0) && u != 0xc0 && u != 0xc1 && u < 0xf5,
            "has a text that is no UTF-8");
    more = continues ? more - 1 : u >= 0xf0 ? 3 : u >= 0xe0 ? 2 : u >= 0xc0 ? 1 : 0;
  }
  require(more == 0, "has a text that is no UTF-8");
  stack_.push_back({kind::text, true, true, std::string{text}});
}

void python_loader::push_tuple(std::vector<object> items) {
  object made{kind::tuple};
  for (const auto& i : items) {
    made.can_be_key = made.can_be_key && i.can_be_key;
    made.items.push_back(i.what);
    require(i.what != kind::cls, "has a class in it");
  }
  stack_.push_back(std::move(made));
}

void python_loader::add_keys(const std::vector<object>& all, std::size_t each) {
  require(all.size() % each == 0, "has a key without a value");
  for (std::size_t i = 0; i < all.size(); i += each) {
    require(all[i].can_be_key, "has a key that cannot be one");
    if (all[i].what != kind::text) top().texts_only = false;
  }
}

void python_loader::find_class() {
  auto name = pop(), module = pop();
  require(name.what == kind::text && module.what == kind::text, "names a class by no text");
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
    // OSError(11, ...) becomes a BlockingIOError by itself, so that its arguments count as well.
    require(!counts || (name != "BlockingIOError" && name != "OSError"),
            "gives a BlockingIOError a number of bytes");
  }
  push(kind::exception);
}

void python_loader::reduce() {
  auto arguments = pop(), callee = pop();
  require(callee.what == kind::cls, "calls what is no class");
  require(arguments.what == kind::tuple, "calls without a tuple of arguments");
  const auto& args = arguments.items;
  if (callee.text == "builtins.complex") {
    for (auto a : args)
      require(a == kind::number || a == kind::integer, "makes a complex of what is no number");
    return push(kind::number);
  }
  if (callee.text == "builtins.set" || callee.text == "builtins.frozenset") {
    require(args.size() <= 1, "makes a set of several arguments");
    return push(callee.text == "builtins.set" ? kind::changeable : kind::hashable);
  }
  require(!callee.text.ends_with("CallRequest"), "calls CallRequest");
  make_exception(callee.text, arguments);
}

void python_loader::build() {
  auto state = pop();
  require(state.what == kind::dict && state.texts_only, "has a state that is no dict of names");
  require(top().what == kind::exception || top().what == kind::call,
          "gives a state to what has none");
}

bool python_loader::step(unsigned char opcode) {
  switch (opcode) {
  case 0x80: require(length(1) <= 5, "has an unknown protocol"); return true;
  case 0x95: require(length(8) <= rest_.size(), "has a frame that is cut short"); return true;
  case 0x94: memo_.push_back(top()); return true;
  case 'h':
  case 'j': {
    auto at = length(opcode == 'h' ? 1 : 4);
    require(at < memo_.size(), "takes from the memo what is not there");
    return stack_.push_back(memo_[at]), true;
  }
  case 'N': return push(kind::none), true;
  case 0x88:
  case 0x89: return push(kind::integer), true;
  case 'K': return take(1), push(kind::integer), true;
  case 'M': return take(2), push(kind::integer), true;
  case 'J': return take(4), push(kind::integer), true;
  case 0x8a: return take(length(1)), push(kind::integer), true;
  case 0x8b: return take(length(4)), push(kind::integer), true;
  case 'G': return take(8), push(kind::number), true;
  case 0x8c: return push_text(length(1)), true;
  case 'X': return push_text(length(4)), true;
  case 0x8d: return push_text(length(8)), true;
  case 'C': return take(length(1)), push(kind::bytes), true;
  case 'B': return take(length(4)), push(kind::bytes), true;
  case 0x8e: return take(length(8)), push(kind::bytes), true;
  case 0x96: return take(length(8)), push(kind::changeable), true; // BYTEARRAY8
  case ']':
  case 0x8f: return push(kind::changeable), true;
  case '}': return push(kind::dict), true;
  case ')': return push_tuple({}), true;
  case '(': return marks_.push_back(stack_.size()), true;
  case '0': return (void)pop(), true;
  case '1': return (void)pop_to_mark(), true;
  case 'a': return (void)pop(), require(top().what == kind::changeable, "appends to no list"), true;
  case 'e':
    return (void)pop_to_mark(), require(top().what == kind::changeable, "appends to no list"), true;
  case 's': {
    auto v = pop(), k = pop();
    return add_keys({k, v}, 2), require(top().what == kind::dict, "sets an item of no dict"), true;
  }
  case 'u':
    return add_keys(pop_to_mark(), 2), require(top().what == kind::dict, "sets an item of no dict"),
           true;
  case 0x90:
    return add_keys(pop_to_mark(), 1), require(top().what == kind::changeable, "adds to no set"),
           true;
  case 0x91: {
    auto items = pop_to_mark();
    push(kind::hashable);
    return add_keys(items, 1), true;
  }
  case 't': return push_tuple(pop_to_mark()), true;
  case 0x85:
  case 0x86:
  case 0x87: {
    std::vector<object> items(opcode - 0x84U);
    for (auto i = items.size(); i-- > 0;) items[i] = pop();
    return push_tuple(std::move(items)), true;
  }
  case 0x93: return find_class(), true;
  case 'R': return reduce(), true;
  case 0x81: {
    auto arguments = pop(), cls = pop();
    require(cls.text == "patio.broker.tcp.broker.CallRequest" && arguments.items.empty(),
            "makes an object of " + cls.text);
    return push(kind::call), true;
  }
  case 'b': return build(), true;
  default: return false;
  }
}

} // namespace patio::tests
