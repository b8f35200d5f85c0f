/// Writes values as pickles of protocol 4 or 5, with the same opcodes as CPython's C pickler.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <patio/pickle/pickle.hpp>
#include <patio/pickle/scalar_writer.hpp>

namespace patio::pickle {

/// Writes one pickle.
class writer {
public:
  /// `types` must outlive the writer. A pickle of more than `max_bytes` bytes fails.
  writer(const python_types& types, std::size_t max_bytes, pickle_protocol protocol);
  /// Writes into `memory`. A pickle of more bytes than `memory` has fails.
  writer(const python_types& types, std::span<char> memory);
  /// `v` must outlive the writer. The recursion is bounded by the depth of `v`.
  void save(const value& v);
  void save(const call_request& call);
  /// Writes the dict {"args": tuple, "kwargs": dict}.
  void save(const arguments& args);
  /// Appends the pickle to `out`. Fails and appends nothing if the pickle is too long, if a text in
  /// it is not UTF-8, or if a peer could not make an object in it. In the last two cases the pickle
  /// would break the connection to a Python peer.
  [[nodiscard]] result<void> finish(std::string& out);
  /// Ends a pickle in `memory`, which the constructor got, and returns its size. Fails for the same
  /// reasons. The content of the memory is then unspecified.
  [[nodiscard]] result<std::size_t> finish_in_place(std::span<char> memory);

private:
  [[nodiscard]] result<void> end();
  void save_new(const value& v);
  void save_items(std::span<const value> items);
  void save_tuple_items(std::span<const value> items);
  void save_list(const value& v);
  void save_list_items(std::span<const value> items);
  void save_dict(const value& v);
  void save_keywords(const arguments& args);
  void save_set(const value& v);
  void save_frozenset(const value& v);
  template <class Save>
  void save_entries(std::size_t count, Save save_entry);
  template <class Save>
  void save_batches(std::size_t count, opcode end, Save save_part);

  /// Whether CPython shares the text of the module's name with other classes of the module.
  enum class module_text : std::uint8_t { shared, own };
  void save_class(std::string_view module, std::string_view name,
                  module_text text = module_text::shared);
  void save_complex(const value& v);
  void save_bytearray(const value& v);
  void save_exception(const value& v);
  [[nodiscard]] std::span<const value> constructor_arguments(const value& exception);
  void save_arguments(std::span<const value> args);
  void save_notes(std::span<const value> notes);
  void save_object(const value& v);
  void save_array(const value& v);
  void save_object_arguments(const object_parts& o);
  template <class Save>
  void save_contents(std::size_t count, opcode one, opcode many, Save save_part);

  struct written_class {
    std::string_view module, name;
    std::uint32_t index; ///< in the memo
  };
  struct written_module {
    std::string_view name;
    std::uint32_t index; ///< in the memo
  };

  /// The maximum number of items that CPython puts between a MARK and its APPENDS, SETITEMS or
  /// ADDITEMS.
  static constexpr std::size_t batch = 1000;

  scalar_writer scalars_;
  output& out_;
  const python_types* types_;
  pickle_protocol protocol_;
  std::string refused_; ///< why the first refused object must not be sent
  std::vector<written_class> classes_;
  std::vector<written_module> modules_;
  /// Values made while writing. They must live as long as the memo, which knows them by address.
  std::vector<value> kept_;
};

} // namespace patio::pickle
