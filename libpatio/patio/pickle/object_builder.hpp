/// Carries out the opcodes that name a class, make an object, or set the state of an object. A
/// class is only a name in a list: no class is resolved or called.
#pragma once

#include <string>
#include <vector>

#include <patio/pickle/call_reader.hpp>
#include <patio/pickle/container_builder.hpp>
#include <patio/pickle/machine.hpp>
#include <patio/pickle/user_classes.hpp>

namespace patio::pickle {

/// A function that returns bool returns false if it refuses the pickle.
class object_builder {
public:
  /// The other parts of the reader, which must outlive the object_builder.
  struct collaborators {
    machine& m;
    container_builder& containers;
    user_classes& users;
    call_reader& calls;
  };
  /// `types` must outlive the object_builder.
  object_builder(collaborators c, unknown_class unknown, const python_types& types) noexcept
      : machine_{&c.m}, containers_{&c.containers}, users_{&c.users}, calls_{&c.calls},
        types_{&types}, unknown_{unknown} {}

  bool global_line();
  bool stack_global();
  bool reduce();
  bool newobj();
  bool build();

  /// Returns the result of the reader for the value in a pickle. With unknown_class::as_exception,
  /// an object of a user's class becomes an exception.
  [[nodiscard]] value finished(value v) const {
    bool wanted = unknown_ == unknown_class::as_exception && v.kind() == kind::object;
    return wanted ? as_exception(v) : std::move(v);
  }

private:
  bool name_class(std::string_view module, std::string_view name);
  bool name_unknown_class(std::string_view module, std::string_view name, item_tag& tag);
  [[nodiscard]] const python_types::entry& user_class(const stack_item& item) const {
    return types_->entries()[item.tag.index];
  }
  bool call(const stack_item& callee, const stack_item& args);
  bool make_known_exception(class_ref cls, const value& args);
  bool make_unknown_exception(const std::string& path, const value& args);
  bool make_set(kind k, const value& args);
  bool make_complex(const value& args);
  bool make_bytes(const value& args);
  bool make_bytearray(const value& args);
  bool encode(const value& args);
  bool latin1_bytes(const value& args, std::string& bytes);
  bool set_exception_state(const value& exception, const value& state);

  machine* machine_;
  container_builder* containers_;
  user_classes* users_;
  call_reader* calls_;
  const python_types* types_;
  unknown_class unknown_;
  std::vector<std::string> unknown_paths_; ///< "module.name" of each unknown class
};

} // namespace patio::pickle
