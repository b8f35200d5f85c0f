/// Carries out the opcodes that name a class, make an object, or set the state of an object. A
/// class is only a name in a list: no class is resolved or called.
#pragma once

#include <string>
#include <vector>

#include <patio/pickle/call_reader.hpp>
#include <patio/pickle/container_builder.hpp>
#include <patio/pickle/machine.hpp>
#include <patio/pickle/stand_ins.hpp>
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
        stand_ins_{c.m}, types_{&types}, unknown_{unknown} {}

  bool global_line();
  bool stack_global();
  bool reduce();
  bool newobj();
  bool newobj_ex();
  bool build();

  /// True where an exception is wanted: what it carries may be of any class.
  [[nodiscard]] bool makes_stand_ins() const noexcept {
    return unknown_ == unknown_class::as_exception;
  }
  /// Prepares what lies below `first` for items or entries, unless it is a list or a dict.
  bool prepare_target(std::size_t first);
  /// Turns the value in a pickle into what the caller of the reader gets: where an exception is
  /// wanted, an object becomes an exception. Only an exception may hold stand-ins.
  bool finish(value& v);
  /// The error for the caller of the reader, with what could be decoded of an exception.
  [[nodiscard]] tl::unexpected<error> refused();

private:
  bool name_class(std::string_view module, std::string_view name);
  bool name_unknown_class(std::string_view module, std::string_view name, item_tag& tag);
  bool push_class(std::string_view module, std::string_view name, item_tag tag);
  bool make_new(const stack_item& callee, const stack_item& args);
  bool call_value(const stack_item& callee, const stack_item& args);
  bool set_object_state(const value& object, value state);
  [[nodiscard]] bool is_stand_in(const value& object) const;
  [[nodiscard]] const python_types::entry& user_class(const stack_item& item) const {
    return types_->entries()[item.tag.index];
  }
  bool call(const stack_item& callee, const stack_item& args);
  bool make_known_exception(class_ref cls, const value& args);
  bool make_unknown(const stack_item& cls, const value& args);
  bool make_set(kind k, const value& args);
  bool make_complex(const value& args);
  bool make_bytes(const value& args);
  bool make_bytearray(const value& args);
  bool encode(const value& args);
  bool latin1_bytes(const value& args, std::string& bytes);
  bool set_exception_state(const value& exception, const value& state);
  bool replace_noted(std::vector<value> notes);

  machine* machine_;
  container_builder* containers_;
  user_classes* users_;
  call_reader* calls_;
  stand_ins stand_ins_;
  const python_types* types_;
  unknown_class unknown_;
};

} // namespace patio::pickle
