/// Inbound calls. Decides which calls to refuse and which to run at once, and limits the memory of
/// their arguments. This is a part of one node.
#pragma once

#include <optional>

#include <patio/mesh/inbound_credit.hpp>
#include <patio/mesh/node_core.hpp>

namespace patio::mesh {

class inbound_calls {
public:
  inbound_calls(node_core& core, inbound_credit& credit) noexcept : core_{core}, credit_{credit} {}

  /// Runs a quick function at once, or tells the owner to execute the function, or answers with a
  /// refusal. The arguments of a refused call stay in `arrived`.
  void begin(connection& from, protocol::request_arrived& arrived);
  [[nodiscard]] bool is_running(const inbound_id& id);
  void answer(const inbound_id& id, const result<value>& r);
  void answer_pickled(const inbound_id& id, const result<std::string>& r);

private:
  [[nodiscard]] std::optional<error> refusal(connection& from,
                                             const protocol::request_arrived& arrived);
  [[nodiscard]] std::optional<error> refusal_for_bytes(const connection& from,
                                                       std::size_t bytes) const;
  template <class Answer>
  void end(const inbound_id& id, Answer answer);

  node_core& core_;
  inbound_credit& credit_;
};

} // namespace patio::mesh
