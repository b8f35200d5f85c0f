/// The reader behind read_pickle and read_call_request. It knows data only: classes are names in a
/// list. One reader reads one pickle, and never throws because of the bytes in the pickle.
#pragma once

#include <patio/pickle/call_reader.hpp>
#include <patio/pickle/container_builder.hpp>
#include <patio/pickle/machine.hpp>
#include <patio/pickle/object_builder.hpp>
#include <patio/pickle/scalar_reader.hpp>
#include <patio/pickle/user_classes.hpp>

namespace patio::pickle {

/// The reader may skip the bytes with which CPython begins every CallRequest. Skipping only saves
/// time.
enum class call_opening : std::uint8_t { recognised, stepped_through };

/// Passes each opcode to the part that carries it out.
class reader {
public:
  /// `types` must outlive the reader.
  reader(std::string_view bytes, const pickle_limits& limits, unknown_class unknown,
         const python_types& types);

  [[nodiscard]] result<value> read_value();
  [[nodiscard]] result<call_request> read_call(call_opening opening = call_opening::recognised);
  /// Estimated bytes of all values made so far.
  [[nodiscard]] std::size_t memory() { return machine_.budget().memory(); }

private:
  // Each returns false once the pickle is refused.
  bool run();
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
