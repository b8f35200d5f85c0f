/// Reads every pickle that is not plain (see plain.hpp) for read_pickle and read_call_request. A
/// reader only builds data: a class is a name in a list. A reader reads one pickle. No bytes in a
/// pickle make a reader throw.
#pragma once

#include <patio/pickle/call_reader.hpp>
#include <patio/pickle/container_builder.hpp>
#include <patio/pickle/machine.hpp>
#include <patio/pickle/object_builder.hpp>
#include <patio/pickle/scalar_reader.hpp>
#include <patio/pickle/user_classes.hpp>

namespace patio::pickle {

/// Selects whether the reader skips call_opening_bytes and calls run_scalars(), or carries out each
/// opcode by itself. The result is the same; the shortcuts only save time.
enum class shortcuts : std::uint8_t { taken, stepped_through };

/// Passes each opcode to the part that carries out the opcode.
class reader {
public:
  /// `types` must outlive the reader.
  reader(std::string_view bytes, const pickle_limits& limits, unknown_class unknown,
         const python_types& types);

  [[nodiscard]] result<value> read_value(shortcuts ways = shortcuts::taken);
  [[nodiscard]] result<call_request> read_call(shortcuts ways = shortcuts::taken);
  /// Returns the estimated bytes of all values made so far.
  [[nodiscard]] std::size_t memory() { return machine_.budget().memory(); }

private:
  // Each function returns false if it refuses the pickle.
  bool run(shortcuts ways);
  bool step(opcode op);
  bool step_object(opcode op);
  bool step_memo(opcode op);
  bool step_line(opcode op);
  bool append_items(std::size_t first);
  bool set_items(std::size_t first);
  bool refuse_opcode(opcode op);
  bool finish();

  machine machine_;
  scalar_reader scalars_{machine_};
  container_builder containers_{machine_};
  user_classes users_{machine_, containers_};
  call_reader calls_{machine_};
  object_builder objects_;
};

} // namespace patio::pickle
