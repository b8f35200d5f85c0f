/// A model of Python patio 0.1.4's restricted loader. It follows a payload's opcodes, and tells
/// whether Python can load the payload and give the result to its caller. Where versions of Python
/// differ, the model is stricter than each version. It does not use the library's own reader.
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
  enum class frame { request, response, error };

  /// Returns why a Python peer does not survive this payload in such a frame. Returns an empty text
  /// if the peer survives.
  [[nodiscard]] static std::string complaint(std::string_view payload, frame f);

private:
  enum class kind {
    none,
    integer,
    number,
    text,
    bytes,
    unhashable,
    hashable,
    tuple,
    dict,
    cls,
    exception,
    call
  };
  struct object {
    kind type = kind::none;
    bool can_be_key = true;
    bool texts_only = true;       ///< of a dict: all keys are texts
    std::string text = {};        ///< of a text, or the path of a class
    std::vector<kind> items = {}; ///< of a tuple
  };
  struct unloadable : std::runtime_error {
    using std::runtime_error::runtime_error;
  };

  explicit python_loader(std::string_view payload) : rest_{payload} {}
  object load();
  /// Executes one opcode. Returns false if the opcode is unknown. The other step functions handle
  /// one group of opcodes each.
  bool step(unsigned char opcode);
  bool step_structure(unsigned char opcode);
  bool step_number(unsigned char opcode);
  bool step_string(unsigned char opcode);
  bool step_new_container(unsigned char opcode);
  bool step_fill_container(unsigned char opcode);
  bool step_object(unsigned char opcode);
  std::string_view take(std::size_t n);
  std::size_t length(std::size_t bytes);
  object pop();
  std::vector<object> pop_to_mark();
  void push(kind type) { stack_.push_back({type, type != kind::unhashable && type != kind::dict}); }
  void skip_and_push(std::size_t bytes, kind type);
  void push_memo(std::size_t index);
  void push_text(std::size_t n);
  void push_tuple(std::vector<object> items);
  void push_small_tuple(std::size_t size);
  /// `all` holds groups of `each` objects: a key, then its values, if any. Checks that the keys are
  /// hashable.
  void add_keys(const std::vector<object>& all, std::size_t each);
  void require_top(kind type, const std::string& otherwise);
  void find_class();
  void reduce();
  void build();
  void make_call_request();
  void make_exception(const std::string& path, const object& arguments);
  object& top();
  static void require(bool holds, const std::string& otherwise);

  std::string_view rest_;
  std::vector<object> stack_, memo_;
  std::vector<std::size_t> marks_;
};

} // namespace patio::tests
