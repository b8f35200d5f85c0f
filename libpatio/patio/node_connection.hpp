/// One connection and one call as a node keeps them. Internal: for node*.cpp only.
#pragma once

#include <algorithm>

#include <patio/node.hpp>

namespace patio {

class node::connection final : public session_events {
public:
  connection(node& owner, connection_id number, role ours, std::string where, std::string nonce)
      : id{number}, side{ours}, address{std::move(where)}, session{ours, owner.session_options_, std::move(nonce), *this}, owner_{owner} {}

  void on_ready() override {
    owner_.router_.serve(id, names);
    owner_.events_.on_peer(info());
    if (session.state() == session::state::ready) owner_.serve(*this);
  }
  void on_names(std::vector<std::string> served) override {
    names = std::move(served);
    // While discovering, the session may not be sent requests yet: on_ready follows.
    if (session.state() == session::state::ready) owner_.serve(*this);
  }
  void on_request(std::uint32_t serial, call_request call) override { owner_.execute(*this, serial, std::move(call)); }
  void on_result(std::uint64_t token, result<value> r) override {
    // Whoever calls again when a call is lost must not be sent here again.
    if (session.state() == session::state::closed) owner_.router_.remove(id);
    owner_.finish(static_cast<std::uint32_t>(token), std::move(r));
  }
  void on_pong(std::uint64_t token) override { owner_.events_.on_pong(token); }
  void on_lost_ping(std::uint64_t token, error why) override { owner_.events_.on_finished(token, tl::unexpected(std::move(why))); }
  void on_log(std::string text) override { owner_.events_.on_log(address, std::move(text)); }
  void on_close(error why) override {
    owner_.forget(id);
    owner_.events_.on_closed(id, why);
  }
  [[nodiscard]] peer_info info() const { return {id, address, side, names, session.outbound(), session.inbound()}; }

  const connection_id id;
  const role side;
  const std::string address;
  std::vector<std::string> names;
  patio::session session;
  bool dirty = false;

private:
  node& owner_;
};

/// Stands in each function that may run a session's: connections closed from within it must not die before it ends.
class node::visit {
public:
  explicit visit(node& n) : node_{n} {
    if (node_.visits_++ == 0) node_.gone_.clear();
  }
  ~visit() { --node_.visits_; }
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;

private:
  node& node_;
};

/// A call of ours. The request itself is kept only while it waits for a peer.
struct node::slot {
  enum class place : std::uint8_t { nowhere, waiting, sent } where = place::nowhere;
  bool timed = false;       ///< one of its entries among the deadlines is for its own
  std::uint8_t entries = 0; ///< there, for its own and for the end of its wait for a route
  std::uint32_t generation = 1;
  std::uint32_t serial = 0;
  connection_id at = 0;
  std::uint64_t token = 0;
  std::uint64_t order = 0; ///< among those that wait for the same name
  instant deadline = never;
  std::optional<connection_id> only;
  std::unique_ptr<call_request> request;
};

} // namespace patio
