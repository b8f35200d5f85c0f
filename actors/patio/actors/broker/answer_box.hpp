/// Answers of workers on their way to a broker: many answers, one message.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <variant>

#include <caf/actor_addr.hpp>
#include <caf/atom.hpp>

#include <patio/actors/caf/weak_send.hpp>
#include <patio/actors/os/decoder.hpp>
#include <patio/actors/os/wake_batch.hpp>
#include <patio/base/inbox.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/value/error.hpp>
#include <patio/value/value.hpp>

namespace patio {

/// To a broker: answers wait in its box.
using answered_atom = caf::atom_constant<caf::atom("answered")>;

/// Shared by a broker, which takes the answers, and by the replies of its calls. `Id` names a call
/// to the broker.
template <class Id>
class answer_box {
public:
  struct answer {
    Id id;
    /// The result, or a large result that its worker has pickled.
    std::variant<result<value>, result<std::string>> outcome;
  };

  /// The place of an answer in the box. The broker makes places, so that each has been allocated
  /// and is freed on the broker's thread.
  using place = typename inbox<answer>::place;

  explicit answer_box(caf::actor_addr broker) : broker_{std::move(broker)} {}

  [[nodiscard]] static place make_place(Id id) {
    return inbox<answer>::make_place({std::move(id), {}});
  }
  /// Wakes the broker if it may not know of waiting answers. Any thread.
  template <class Outcome>
  void put(place p, Outcome outcome) {
    p->item.outcome = std::move(outcome);
    if (answers_.put(std::move(p)))
      wake_batch::run([broker = broker_] { send_if_alive(broker, answered_atom::value); });
  }
  /// Passes all answers to `f`, the oldest first. Only the broker calls this.
  template <class F> // F(answer&&)
  void take(F f) {
    answers_.take(std::move(f));
  }

private:
  caf::actor_addr broker_;
  inbox<answer> answers_;
};

/// How the results of a broker are pickled.
struct pickle_form {
  python_types types;
  std::size_t max_bytes = std::string::npos; ///< of a pickled result
  pickle_protocol protocol = pickle_protocol::five;
};

/// Pickles a result on the thread of a worker. A worker must go on when memory is short, and the
/// caller needs an answer. Returns an error in that case too.
[[nodiscard]] result<std::string> pickle_result(const value& v, const pickle_form& form);

/// A broker shares its answer_channel with the replies of the calls that workers run.
template <class Id>
struct answer_channel {
  answer_channel(caf::actor_addr broker, pickle_form how)
      : box{std::move(broker)}, form{std::move(how)} {}

  /// Puts the result into the box. Pickles a large result first, on the thread of the worker. Any
  /// thread.
  void put(typename answer_box<Id>::place place, result<value> outcome) {
    if (outcome && outcome->weight() > large_payload)
      box.put(std::move(place), pickle_result(*outcome, form));
    else box.put(std::move(place), std::move(outcome));
  }

  answer_box<Id> box;
  const pickle_form form;
};

} // namespace patio
