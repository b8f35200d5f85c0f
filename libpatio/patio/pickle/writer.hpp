/// Values to pickles of protocol 5, opcode for opcode as CPython's C pickler. Internal. One object
/// writes one pickle.
#pragma once

#include <string>
#include <vector>

#include <patio/pickle/classes.hpp>
#include <patio/pickle/output.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/pickle/written_memo.hpp>

namespace patio::pickle {

class writer {
public:
  /// `types` must outlive the writer.
  writer(const python_types& types, std::size_t longest);
  /// The value must outlive the writer. Its depth bounds the recursion.
  void save(const value& v);
  void save(const call_request& call);
  /// Appends the pickle, or nothing if it is too long, a text in it is not UTF-8, or an object is
  /// one that a peer could not make: the last two would end a Python peer's connection.
  [[nodiscard]] result<void> finish(std::string& out);

private:
  void memoize(const value& v);
  void memoize() { out_.put(opcode::memoize), ++memoized_; }
  bool save_again(const value& v);
  void save_index(std::uint32_t index);
  void save_integer(const value& v);
  void save_real(double d);
  void save_complex(const value& v);
  void save_text(const value& v);
  void save_name(std::string_view name);
  void save_characters(kind k, std::string_view chars);
  template <class Length>
  void save_counted(opcode op, Length length, std::string_view chars);
  void save_tuple_items(std::span<const value> items);
  void save_list_items(std::span<const value> items);
  void save_items(std::span<const value> items);
  void save_list(const value& v);
  void save_dict(const value& v);
  void save_keywords(const call_request& call);
  template <class Save>
  void save_entries(std::size_t count, Save save_entry);
  template <class Save>
  void save_batches(std::size_t count, opcode end, Save save_part);
  void save_set(const value& v);
  void save_frozenset(const value& v);
  void save_class(std::string_view module, std::string_view name);
  void save_exception(const value& v);
  void save_arguments(std::span<const value> args);
  void save_notes(std::span<const value> notes);
  void save_object(const value& v);
  void save_object_arguments(const object_parts& o);
  void save_fresh(const value& v);
  void save_module(std::string_view module);
  template <class Save>
  void save_contents(std::size_t count, opcode one, opcode many, Save save_part);

  output out_;
  written_memo memo_;
  std::uint32_t memoized_ = 0;
  bool bad_text_ = false;
  std::string refused_; ///< the first object that may not leave, and why
  const python_types* types_;
  struct written_class {
    std::string_view module, name;
    std::uint32_t index; ///< in the memo
  };
  std::vector<written_class> classes_;
  std::vector<std::pair<std::string_view, std::uint32_t>> modules_; ///< name and memo index
  std::vector<value>
    kept_; ///< made while writing; alive to the end, as the memo knows them by address
};

} // namespace patio::pickle
