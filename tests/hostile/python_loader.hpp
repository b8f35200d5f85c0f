/// What Python patio 0.1.4 does with a payload, told by its opcodes alone: whether its restricted
/// loader builds it, and whether what comes out can be given to its caller. Stricter than Python
/// where its versions differ. Knows nothing of the library's own reader.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace patio::tests {

class python_loader {
public:
  enum class as { request, response, error };

  /// Empty if a Python peer survives it, else why not.
  [[nodiscard]] static std::string complaint(std::string_view payload, as what);

private:
  enum class kind {
    none,
    integer,
    number,
    text,
    bytes,
    changeable,
    hashable,
    tuple,
    dict,
    cls,
    exception,
    call
  };
  struct object {
    kind what = kind::none;
    bool can_be_key = true;
    bool texts_only = true;       ///< dict: its keys
    std::string text = {};        ///< text; class path
    std::vector<kind> items = {}; ///< tuple
  };
  struct unloadable : std::runtime_error {
    using std::runtime_error::runtime_error;
  };

  explicit python_loader(std::string_view payload) : rest_{payload} {}
  object load();
  bool step(unsigned char opcode);
  std::string_view take(std::size_t n);
  std::size_t length(std::size_t bytes);
  object pop();
  std::vector<object> pop_to_mark();
  void push(kind what) { stack_.push_back({what, what != kind::changeable && what != kind::dict}); }
  void push_text(std::size_t n);
  void push_tuple(std::vector<object> items);
  void add_keys(const std::vector<object>& all, std::size_t each);
  void find_class();
  void reduce();
  void build();
  void make_exception(const std::string& path, const object& arguments);
  object& top();
  static void require(bool holds, const std::string& otherwise);

  std::string_view rest_;
  std::vector<object> stack_, memo_;
  std::vector<std::size_t> marks_;
};

} // namespace patio::tests
